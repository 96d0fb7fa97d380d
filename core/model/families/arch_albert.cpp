// ALBERT (Lan et al. 2020; transformers' AlbertModel): BERT's blocks whose weights all layers
// share, behind embeddings of their own width.
#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"

namespace embedtool {

bool is_albert(const ConfigSource& config) {
  return config.string("model_type").value_or("") == "albert";
}

ModelSpec describe_albert(const ConfigSource& config) {
  if (config.integer("inner_group_num").value_or(1) != 1) {
    throw Error(ExitCode::model, "an \"inner_group_num\" other than 1 is not supported");
  }
  ModelSpec spec = describe_bert(config);
  if (!config.has("hidden_act")) spec.activation = Activation::gelu_tanh;
  spec.embedding_size = required_size(config, "embedding_size");
  spec.shared_layers = static_cast<std::size_t>(config.integer("num_hidden_groups").value_or(1));
  const std::string layer = "encoder.albert_layer_groups.{}.albert_layers.0.";
  spec.names.embedding_projection = "encoder.embedding_hidden_mapping_in";
  spec.names.query = layer + "attention.query";
  spec.names.key = layer + "attention.key";
  spec.names.value = layer + "attention.value";
  spec.names.attention_output = layer + "attention.dense";
  spec.names.attention_norm = layer + "attention.LayerNorm";
  spec.names.ffn_up = layer + "ffn";
  spec.names.ffn_down = layer + "ffn_output";
  spec.names.ffn_norm = layer + "full_layer_layer_norm";
  spec.prefixes = {"albert.", "model."};
  return spec;
}

}  // namespace embedtool
