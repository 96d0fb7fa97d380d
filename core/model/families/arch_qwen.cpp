// Qwen2 and Qwen3 as embedding models (Yang et al. 2024; Zhang et al. 2025; transformers'
// Qwen2Model, Qwen3Model): pre-norm blocks with RMS norms, rotary positions, shared key heads and a
// gated FFN. Causal unless "is_causal" says otherwise, as in Stella 1.5B.
#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"

namespace embedtool {

bool is_qwen(const ConfigSource& config) {
  const std::string type = config.string("model_type").value_or("");
  return type == "qwen2" || type == "qwen3";
}

ModelSpec describe_qwen(const ConfigSource& config) {
  if (config.boolean("use_sliding_window").value_or(false)) {
    throw Error(ExitCode::model, "\"use_sliding_window\" is not supported");
  }
  if (config.has("rope_scaling")) {
    throw Error(ExitCode::model, "\"rope_scaling\" is not supported for this family");
  }
  ModelSpec spec;
  spec.family = config.string("model_type").value_or("");
  spec.vocab_size = required_size(config, "vocab_size");
  spec.hidden = required_size(config, "hidden_size");
  spec.layers = required_size(config, "num_hidden_layers");
  spec.heads = required_size(config, "num_attention_heads");
  spec.ffn = required_size(config, "intermediate_size");
  spec.max_positions = required_size(config, "max_position_embeddings");
  if (config.has("num_key_value_heads")) {
    spec.kv_heads = required_size(config, "num_key_value_heads");
  }
  if (config.has("head_dim")) spec.head_size = required_size(config, "head_dim");
  spec.activation = parse_activation(config.string("hidden_act").value_or("silu"), "hidden_act");
  spec.norm = NormKind::rms;
  spec.norm_eps = static_cast<float>(config.number("rms_norm_eps").value_or(1e-6));
  spec.positions = Positions::rotary;
  spec.rotary.base = config.number("rope_theta")
                         .value_or(config.number("rope_parameters.rope_theta").value_or(10000.0));
  spec.causal = config.boolean("is_causal").value_or(true);
  spec.block_norms = BlockNorms::pre;
  spec.gated = true;
  const std::string layer = "layers.{}.";
  spec.names.word_embeddings = "embed_tokens.weight";
  spec.names.query = layer + "self_attn.q_proj";
  spec.names.key = layer + "self_attn.k_proj";
  spec.names.value = layer + "self_attn.v_proj";
  spec.names.attention_output = layer + "self_attn.o_proj";
  spec.names.attention_norm = layer + "input_layernorm";
  spec.names.ffn_gate = layer + "mlp.gate_proj";
  spec.names.ffn_up = layer + "mlp.up_proj";
  spec.names.ffn_down = layer + "mlp.down_proj";
  spec.names.ffn_norm = layer + "post_attention_layernorm";
  spec.names.final_norm = "norm";
  if (spec.family == "qwen3") {
    spec.names.query_norm = layer + "self_attn.q_norm";
    spec.names.key_norm = layer + "self_attn.k_norm";
  }
  spec.prefixes = {"model."};
  return spec;
}

}  // namespace embedtool
