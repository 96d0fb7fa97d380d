#include "formats/model/model_m3.hpp"

#include <string>
#include <unordered_set>
#include <utility>

#include "core/base/error.hpp"
#include "formats/io/json_document.hpp"
#include "formats/weights/safetensors.hpp"
#include "formats/weights/torch_file.hpp"

namespace embedtool {
namespace {

// A linear layer in a file of its own, by its stem.
struct OwnLayer {
  std::unique_ptr<WeightSource> weights;
  std::string file;
  DenseSpec dense;
};

std::unique_ptr<WeightSource> open_layer(const FileSet& files, const std::string& stem,
                                         std::string& name) {
  name = stem + ".safetensors";
  if (const auto bytes = files.find(name)) {
    const std::string where = files.describe() + "/" + name;
    auto weights = std::make_unique<SafetensorsWeights>(where);
    weights->add_file(*bytes, where);
    return weights;
  }
  name = stem + ".pt";
  if (const auto bytes = files.find(name)) {
    return std::make_unique<TorchWeights>(*bytes, files.describe() + "/" + name);
  }
  return nullptr;
}

OwnLayer read_layer(const FileSet& files, const std::string& stem, std::size_t in) {
  OwnLayer layer;
  layer.weights = open_layer(files, stem, layer.file);
  if (layer.weights == nullptr) return layer;
  layer.dense.name = layer.weights->find("weight") != nullptr ? "" : "linear";
  const std::string name = layer.dense.name.empty() ? "weight" : "linear.weight";
  const TensorView* weight = layer.weights->find(name);
  if (weight == nullptr || weight->shape.size() != 2 ||
      weight->shape[1] != static_cast<std::int64_t>(in)) {
    throw Error(ExitCode::model, "{}: no tensor '{}' with rows of {} elements",
                layer.weights->describe(), name, in);
  }
  layer.dense.in = in;
  layer.dense.out = static_cast<std::size_t>(weight->shape[0]);
  layer.dense.activation = Activation::identity;
  layer.dense.weights = layer.weights.get();
  return layer;
}

// Tokens that belong to no text, as the tokenizer's settings name them.
std::unordered_set<std::string> special_tokens(const FileSet& files) {
  const auto bytes = files.find("tokenizer_config.json");
  const auto config = JsonConfig::parse(bytes ? as_chars(*bytes) : std::string_view("{}"),
                                        files.describe() + "/tokenizer_config.json");
  std::unordered_set<std::string> out;
  for (const auto& [key, usual] : {std::pair{"cls_token", "<s>"},
                                   {"eos_token", "</s>"},
                                   {"pad_token", "<pad>"},
                                   {"unk_token", "<unk>"}}) {
    const std::string path = std::string(key) + ".content";
    // A name, or an object that tells how the token is looked for.
    out.insert(config.string(config.has(path) ? path : key).value_or(usual));
  }
  return out;
}

}  // namespace

std::vector<HeadChoice> read_m3_heads(const FileSet& files, const ModelSpec& spec,
                                      const Tokenizer* tokenizer,
                                      std::vector<std::unique_ptr<WeightSource>>& weights) {
  std::vector<HeadChoice> out;
  if (OwnLayer layer = read_layer(files, "sparse_linear", spec.hidden); layer.weights != nullptr) {
    if (layer.dense.out != 1) {
      throw Error(ExitCode::model, "{}: gives {} weights per token instead of one",
                  layer.weights->describe(), layer.dense.out);
    }
    HeadChoice choice{HeadKind::sparse, {}, layer.file};
    choice.head.normalize = false;
    choice.head.sparse.kind = SparseKind::own_token;
    choice.head.sparse.linear = layer.dense;
    const auto special = special_tokens(files);
    for (std::size_t i = 0; tokenizer != nullptr && i < tokenizer->vocab_size(); ++i) {
      const auto id = static_cast<TokenId>(i);
      if (special.contains(tokenizer->token(id))) choice.head.sparse.skipped.push_back(id);
    }
    weights.push_back(std::move(layer.weights));
    out.push_back(std::move(choice));
  }
  if (OwnLayer layer = read_layer(files, "colbert_linear", spec.hidden); layer.weights != nullptr) {
    HeadChoice choice{HeadKind::colbert, {}, layer.file};
    choice.head.pooling = {Pooling::none};
    choice.head.skips_first = true;
    choice.head.dense.push_back(layer.dense);
    weights.push_back(std::move(layer.weights));
    out.push_back(std::move(choice));
  }
  return out;
}

}  // namespace embedtool
