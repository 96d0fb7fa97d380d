#include "formats/model/model_head.hpp"

#include <fmt/format.h>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/error.hpp"
#include "formats/model/settings_rules.hpp"
#include "formats/weights/weights_folder.hpp"

namespace embedtool {
namespace {

struct PoolingName {
  const char* legacy;  // boolean of older configurations; the table is in their order
  std::string_view name;
  Pooling mode;
};
constexpr std::array<PoolingName, 6> kPoolingNames{
    {{"pooling_mode_cls_token", "cls", Pooling::cls},
     {"pooling_mode_max_tokens", "max", Pooling::max},
     {"pooling_mode_mean_tokens", "mean", Pooling::mean},
     {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", Pooling::mean_sqrt_len},
     {"pooling_mode_weightedmean_tokens", "weightedmean", Pooling::weighted_mean},
     {"pooling_mode_lasttoken", "lasttoken", Pooling::last}}};

Pooling pooling_of(const std::string& name, const std::string& where) {
  for (const PoolingName& known : kPoolingNames) {
    if (known.name == name) return known.mode;
  }
  throw Error(ExitCode::model, "{}: pooling mode '{}' is not supported", where, name);
}

JsonConfig dense_config(const FileSet& files, const std::string& folder) {
  const std::string where = files.describe() + "/" + folder + "config.json";
  const auto bytes = files.find(folder + "config.json");
  if (!bytes.has_value()) {
    throw Error(ExitCode::model,
                "{}: missing, though modules.json lists it; is the download "
                "complete?",
                where);
  }
  return JsonConfig::parse(as_chars(*bytes), where);
}

std::size_t feature_count(const ConfigSource& config, const std::string& where, const char* key) {
  constexpr std::int64_t kMaxFeatures = 1 << 20;
  const std::int64_t value = config.integer(key).value_or(0);
  if (value < 1 || value > kMaxFeatures) {
    throw Error(ExitCode::model, "{}: '{}' should be a size from 1 to {}", where, key,
                kMaxFeatures);
  }
  return static_cast<std::size_t>(value);
}

/// A module must work on what the chain passes on at its place, and pass it on.
void check_features(const ConfigSource& config, bool of_tokens, const std::string& where) {
  const std::string wanted = of_tokens ? "token_embeddings" : "sentence_embedding";
  for (const char* key : {"module_input_name", "module_output_name"}) {
    const auto name = config.string(key);
    if (!name || *name == wanted) continue;
    throw Error(ExitCode::model, "{}: \"{}\": \"{}\" is not supported here: \"{}\" is", where, key,
                *name, wanted);
  }
}

void check_shape(const WeightSource& weights, const char* name,
                 const std::vector<std::int64_t>& shape) {
  const TensorView* tensor = weights.find(name);
  if (tensor == nullptr) {
    throw Error(ExitCode::model, "{}: tensor '{}' is missing", weights.describe(), name);
  }
  if (tensor->shape != shape) {
    throw Error(ExitCode::model, "{}: tensor '{}' has shape [{}], but config.json asks for [{}]",
                weights.describe(), name, fmt::join(tensor->shape, ", "), fmt::join(shape, ", "));
  }
}

}  // namespace

PoolingConfig read_pooling(const JsonConfig& file, std::vector<std::string>& notes) {
  const AuditedConfig config(file);
  PoolingConfig out;
  out.include_prompt = config.boolean("include_prompt").value_or(true);
  if (const auto names = config.strings("pooling_mode"); names.has_value()) {
    for (const std::string& name : *names) out.modes.push_back(pooling_of(name, file.where()));
  } else {
    for (const PoolingName& known : kPoolingNames) {
      if (config.boolean(known.legacy).value_or(false)) out.modes.push_back(known.mode);
    }
  }
  settle_keys(config, module_keys(), file.where(), notes);
  if (out.modes.size() > kPoolingNames.size()) {
    throw Error(ExitCode::model, "{}: {} pooling modes, more than exist", file.where(),
                out.modes.size());
  }
  if (out.modes.empty()) out.modes.push_back(Pooling::mean);
  return out;
}

DenseSpec read_dense(const FileSet& files, const std::string& folder, std::size_t in,
                     bool of_tokens, std::unique_ptr<WeightSource>& weights,
                     std::vector<std::string>& notes) {
  const JsonConfig file = dense_config(files, folder);
  const AuditedConfig config(file);
  check_features(config, of_tokens, file.where());
  DenseSpec dense;
  dense.in = feature_count(config, file.where(), "in_features");
  dense.out = feature_count(config, file.where(), "out_features");
  dense.bias = config.boolean("bias").value_or(true);
  dense.residual = config.boolean("use_residual").value_or(false);
  const auto activation = config.string("activation_function");
  // What sentence-transformers builds when nothing is said.
  dense.activation =
      activation.has_value() ? parse_activation(*activation, file.where()) : Activation::tanh;
  settle_keys(config, module_keys(), file.where(), notes);
  if (dense.in != in) {
    throw Error(ExitCode::model, "{}: 'in_features' is {}, but the layer's input has {} dimensions",
                file.where(), dense.in, in);
  }
  weights = open_weights(files, folder);
  const auto rows = static_cast<std::int64_t>(dense.out);
  check_shape(*weights, "linear.weight", {rows, static_cast<std::int64_t>(dense.in)});
  if (dense.bias) check_shape(*weights, "linear.bias", {rows});
  // Equal sizes add the input itself; others go through a projection of their own.
  if (dense.residual && dense.in != dense.out) {
    check_shape(*weights, "residual.weight", {rows, static_cast<std::int64_t>(dense.in)});
  }
  dense.weights = weights.get();
  return dense;
}

void check_normalize(const FileSet& files, const std::string& folder, bool of_tokens,
                     std::vector<std::string>& notes) {
  const std::string name = folder + "config.json";
  if (folder.empty()) return;  // nothing of its own: the file there is the model's
  const auto bytes = files.find(name);
  if (!bytes.has_value()) return;
  const JsonConfig file = JsonConfig::parse(as_chars(*bytes), files.describe() + "/" + name);
  const AuditedConfig config(file);
  check_features(config, of_tokens, file.where());
  settle_keys(config, module_keys(), file.where(), notes);
}

DenseSpec read_state_projection(const ModelSpec& spec, const HeadSpec& head,
                                const WeightSource& weights) {
  const std::string& name = spec.names.state_projection;
  const TensorView* tensor = weights.find(name + ".weight");
  if (tensor == nullptr || tensor->shape.size() != 2 || tensor->shape[0] < 1 ||
      tensor->shape[1] != static_cast<std::int64_t>(spec.hidden)) {
    throw Error(ExitCode::model, "{}: no tensor '{}.weight' with rows of {} elements",
                weights.describe(), name, spec.hidden);
  }
  const bool bias = weights.find(name + ".bias") != nullptr;
  const bool commutes = head.pooling.size() == 1 && head.pooling[0] != Pooling::max &&
                        !(bias && head.pooling[0] == Pooling::mean_sqrt_len);
  if (!commutes) {
    throw Error(ExitCode::model,
                "{}: '{}' projects token states, which is supported only with one pooling of the "
                "kinds mean, cls, last and weightedmean",
                weights.describe(), name);
  }
  DenseSpec dense;
  dense.in = spec.hidden;
  dense.out = static_cast<std::size_t>(tensor->shape[0]);
  dense.bias = bias;
  dense.activation = Activation::identity;
  dense.weights = &weights;
  dense.name = name;
  return dense;
}

}  // namespace embedtool
