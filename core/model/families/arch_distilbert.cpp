// DistilBERT (Sanh et al. 2019; transformers' DistilBertModel): BERT's blocks under other names,
// no token types, LayerNorm epsilon fixed at 1e-12.
#include "core/model/families/arch_families.hpp"

namespace embedtool {

bool is_distilbert(const ConfigSource& config) {
  return config.string("model_type").value_or("") == "distilbert";
}

ModelSpec describe_distilbert(const ConfigSource& config) {
  ModelSpec spec;
  spec.family = "distilbert";
  spec.vocab_size = required_size(config, "vocab_size");
  spec.hidden = required_size(config, "dim");
  spec.layers = required_size(config, "n_layers");
  spec.heads = required_size(config, "n_heads");
  spec.ffn = required_size(config, "hidden_dim");
  spec.max_positions = required_size(config, "max_position_embeddings");
  spec.activation = parse_activation(config.string("activation").value_or("gelu"), "activation");
  spec.norm_eps = 1e-12F;
  const std::string layer = "transformer.layer.{}.";
  spec.names.word_embeddings = "embeddings.word_embeddings.weight";
  spec.names.position_embeddings = "embeddings.position_embeddings.weight";
  spec.names.embedding_norm = "embeddings.LayerNorm";
  spec.names.query = layer + "attention.q_lin";
  spec.names.key = layer + "attention.k_lin";
  spec.names.value = layer + "attention.v_lin";
  spec.names.attention_output = layer + "attention.out_lin";
  spec.names.attention_norm = layer + "sa_layer_norm";
  spec.names.ffn_up = layer + "ffn.lin1";
  spec.names.ffn_down = layer + "ffn.lin2";
  spec.names.ffn_norm = layer + "output_layer_norm";
  spec.prefixes = {"distilbert.", "model."};
  return spec;
}

}  // namespace embedtool
