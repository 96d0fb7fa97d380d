#include "formats/model/model_router.hpp"

#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/base/error.hpp"
#include "formats/io/json_document.hpp"
#include "formats/model/model_files.hpp"
#include "formats/tokenizer/tokenizer_files.hpp"
#include "formats/weights/weights_folder.hpp"

namespace embedtool {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxModules = 64;

// The table as token states of one element, and a linear layer that passes them on.
class WeightTable : public WeightSource {
 public:
  explicit WeightTable(std::unique_ptr<WeightSource> source) : source_(std::move(source)) {
    const TensorView* weight = source_->find("weight");
    if (weight == nullptr || weight->shape.size() != 1 || weight->elements() == 0) {
      throw Error(ExitCode::model, "{}: no tensor 'weight' with one number for each token",
                  source_->describe());
    }
    table_ = *weight;
    table_.shape.push_back(1);
    const float one = 1.0F;
    std::memcpy(one_.data(), &one, sizeof one);
    linear_ = {"linear.weight", DType::f32, {1, 1}, one_};
  }

  const TensorView* find(std::string_view name) const override {
    return name == table_.name ? &table_ : name == linear_.name ? &linear_ : nullptr;
  }
  std::vector<std::string_view> names() const override { return {table_.name}; }
  std::string describe() const override { return source_->describe(); }

  std::size_t tokens() const { return static_cast<std::size_t>(table_.shape[0]); }
  const std::string& table_name() const { return table_.name; }

 private:
  std::unique_ptr<WeightSource> source_;
  TensorView table_;
  TensorView linear_;
  std::array<std::byte, sizeof(float)> one_{};
};

std::vector<std::pair<std::string, std::string>> route_of(const JsonConfig& config,
                                                          const std::string& route,
                                                          const std::string& folder) {
  const auto ids = config.strings("structure." + route);
  if (!ids || ids->empty() || ids->size() > kMaxModules) {
    throw Error(ExitCode::model, "{}: no route '{}' under 'structure'", config.where(), route);
  }
  const json& types = config.document().at("types");
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& id : *ids) {
    const auto type = types.is_object() ? types.find(id) : types.end();
    if (!types.is_object() || type == types.end() || !type->is_string()) {
      throw Error(ExitCode::model, "{}: module '{}' has no type", config.where(), id);
    }
    out.emplace_back(type->get<std::string>(), folder + id + "/");
  }
  return out;
}

}  // namespace

RouterConfig read_router(const FileSet& files, const std::string& folder) {
  for (const char* name : {"router_config.json", "config.json"}) {
    const auto bytes = files.find(folder + name);
    if (!bytes.has_value()) continue;
    const JsonConfig config =
        JsonConfig::parse(as_chars(*bytes), files.describe() + "/" + folder + name);
    if (!config.has("types")) continue;  // the model's own config.json
    return {route_of(config, "document", folder), route_of(config, "query", folder)};
  }
  throw Error(ExitCode::model,
              "{}/{}router_config.json: missing, though modules.json lists a Router; is the "
              "download complete?",
              files.describe(), folder);
}

QueryEncoder read_static_query_encoder(const FileSet& files, const std::string& folder) {
  QueryEncoder out;
  auto table = std::make_unique<WeightTable>(open_weights(files, folder));
  out.spec.family = "sparse static";
  out.spec.positions = Positions::none;
  out.spec.hidden = 1;
  out.spec.vocab_size = table->tokens();
  out.spec.names.word_embeddings = table->table_name();
  out.head.normalize = false;
  out.head.sparse.kind = SparseKind::own_token;
  out.head.sparse.linear.in = 1;
  out.head.sparse.linear.out = 1;
  out.head.sparse.linear.bias = false;
  out.head.sparse.linear.activation = Activation::identity;
  out.head.sparse.linear.weights = table.get();
  out.weights = std::move(table);
  const SubfolderFileSet own(files, folder);
  out.tokenizer = load_tokenizer(own, {"static", false});
  std::vector<std::string> notes;
  out.max_tokens = transformer_limit(own, {}, {}, notes);
  return out;
}

}  // namespace embedtool
