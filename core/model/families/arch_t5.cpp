// The encoder of T5 and mT5 (Raffel et al. 2020; Xue et al. 2021; transformers' T5EncoderModel and
// MT5EncoderModel), as in sentence-t5 and gtr:
// pre-norm blocks with RMS norms, no biases, unscaled attention with one bias by bucketed distance.
#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"

namespace embedtool {

bool is_t5(const ConfigSource& config) {
  const std::string type = config.string("model_type").value_or("");
  return type == "t5" || type == "mt5";
}

ModelSpec describe_t5(const ConfigSource& config) {
  ModelSpec spec;
  spec.family = config.string("model_type").value_or("t5");
  spec.vocab_size = required_size(config, "vocab_size");
  spec.hidden = required_size(config, "d_model");
  spec.layers = required_size(config, "num_layers");
  spec.heads = required_size(config, "num_heads");
  spec.head_size = required_size(config, "d_kv");
  spec.ffn = required_size(config, "d_ff");
  spec.max_positions = static_cast<std::size_t>(config.integer("n_positions").value_or(512));
  spec.relative_distance =
      static_cast<std::size_t>(config.integer("relative_attention_max_distance").value_or(128));
  const std::string kind =
      config.string("feed_forward_proj").value_or(spec.family == "mt5" ? "gated-gelu" : "relu");
  spec.gated = kind.starts_with("gated-");
  // The original takes "gated-gelu" for the tanh form.
  spec.activation = kind == "gated-gelu"
                        ? Activation::gelu_tanh
                        : parse_activation(spec.gated ? kind.substr(6) : kind, "feed_forward_proj");
  spec.norm = NormKind::rms;
  spec.norm_eps = static_cast<float>(config.number("layer_norm_epsilon").value_or(1e-6));
  spec.block_norms = BlockNorms::pre;
  spec.positions = Positions::none;
  spec.relative_bias = true;
  spec.attention_scale = 1.0F;
  const std::string layer = "encoder.block.{}.layer.";
  spec.names.word_embeddings = "shared.weight";
  spec.names.query = layer + "0.SelfAttention.q";
  spec.names.key = layer + "0.SelfAttention.k";
  spec.names.value = layer + "0.SelfAttention.v";
  spec.names.attention_output = layer + "0.SelfAttention.o";
  spec.names.attention_norm = layer + "0.layer_norm";
  if (spec.gated) spec.names.ffn_gate = layer + "1.DenseReluDense.wi_0";
  spec.names.ffn_up = layer + (spec.gated ? "1.DenseReluDense.wi_1" : "1.DenseReluDense.wi");
  spec.names.ffn_down = layer + "1.DenseReluDense.wo";
  spec.names.ffn_norm = layer + "1.layer_norm";
  spec.names.final_norm = "encoder.final_layer_norm";
  spec.names.relative_bias = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight";
  // An encoder that is stored alone has its table under its own name only.
  spec.other_names.push_back(spec.names);
  spec.other_names.back().word_embeddings = "encoder.embed_tokens.weight";
  return spec;
}

}  // namespace embedtool
