#include "formats/model/model_sparse.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/model/weights.hpp"
#include "formats/model/settings_rules.hpp"

namespace embedtool {
namespace {

// What the head's tensors are called, one line a naming of transformers.
struct HeadNames {
  const char* transform;
  const char* norm;
  const char* decoder;
  const char* bias;
  const char* second_bias;  ///< the same under the decoder's name, where files have that one only
  const char* activation;   ///< key of config.json; null = gelu
};
constexpr std::array<HeadNames, 6> kHeads{{
    {"cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm",
     "cls.predictions.decoder.weight", "cls.predictions.bias", "cls.predictions.decoder.bias",
     "hidden_act"},
    {"vocab_transform", "vocab_layer_norm", "vocab_projector.weight", "vocab_projector.bias", "",
     "activation"},
    {"lm_head.dense", "lm_head.layer_norm", "lm_head.decoder.weight", "lm_head.bias",
     "lm_head.decoder.bias", nullptr},
    {"predictions.dense", "predictions.LayerNorm", "predictions.decoder.weight", "predictions.bias",
     "predictions.decoder.bias", "hidden_act"},
    {"generator_predictions.dense", "generator_predictions.LayerNorm", "generator_lm_head.weight",
     "generator_lm_head.bias", "", nullptr},
    {"head.dense", "head.norm", "decoder.weight", "decoder.bias", "", "classifier_activation"},
}};

bool is_masked_language(const JsonConfig& config) {
  const auto names = config.strings("architectures");
  return names && std::any_of(names->begin(), names->end(), [](const std::string& name) {
           return name.ends_with("ForMaskedLM");
         });
}

}  // namespace

std::optional<SparseSpec> find_masked_language_head(const WeightSource& weights,
                                                    const ModelSpec& spec,
                                                    const JsonConfig& config) {
  if (!is_masked_language(config)) return std::nullopt;
  const WeightReader reader(weights, spec.prefixes);
  for (const HeadNames& names : kHeads) {
    const TensorView* transform = reader.find(std::string(names.transform) + ".weight");
    if (transform == nullptr || transform->shape.size() != 2) continue;
    SparseSpec sparse;
    sparse.kind = SparseKind::vocabulary;
    sparse.transform = names.transform;
    sparse.norm = names.norm;
    // Tied unless said otherwise: then a decoder in the file is a copy of the words' table.
    const bool tied = config.boolean("tie_word_embeddings").value_or(true);
    sparse.decoder = tied ? spec.names.word_embeddings : names.decoder;
    for (const char* bias : {names.second_bias, names.bias}) {
      if (*bias != '\0' && reader.find(bias) != nullptr) sparse.decoder_bias = bias;
    }
    sparse.inner = static_cast<std::size_t>(transform->shape[0]);
    if (names.activation != nullptr) {
      sparse.activation =
          parse_activation(config.string(names.activation).value_or("gelu"), config.where());
    }
    return sparse;
  }
  return std::nullopt;
}

void read_splade_pooling(const JsonConfig& file, SparseSpec& sparse,
                         std::vector<std::string>& notes) {
  const AuditedConfig config(file);
  const std::string strategy = config.string("pooling_strategy").value_or("max");
  const std::string activation = config.string("activation_function").value_or("relu");
  if (strategy != "max" && strategy != "sum") {
    throw Error(ExitCode::model, "{}: pooling_strategy '{}' is not supported", file.where(),
                strategy);
  }
  if (activation != "relu" && activation != "log1p_relu") {
    throw Error(ExitCode::model, "{}: activation_function '{}' is not supported", file.where(),
                activation);
  }
  settle_keys(config, module_keys(), file.where(), notes);
  sparse.sums = strategy == "sum";
  sparse.log_twice = activation == "log1p_relu";
}

}  // namespace embedtool
