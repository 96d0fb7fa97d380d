// Gemma 3 (Gemma Team 2025; transformers' Gemma3TextModel): causal, or reading both ways as
// EmbeddingGemma does (Vera et al. 2025);
// blocks with a norm before and behind either sub-layer, five layers of six local.
#include <cmath>
#include <utility>

#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"
#include "core/model/families/decoder_block.hpp"

namespace embedtool {
namespace {

void read_spans(const ConfigSource& config, ModelSpec& spec) {
  const auto window = static_cast<std::size_t>(config.integer("sliding_window").value_or(4096));
  // |query - key| ≤ window / 2, or the last `window` keys.
  spec.local_span = spec.causal ? span_of_window(window) : window / 2;
  const auto period = config.integer("_sliding_window_pattern")
                          .value_or(config.integer("sliding_window_pattern").value_or(6));
  mark_local_layers(spec, config, [period](std::size_t layer) {
    return period > 0 && (layer + 1) % static_cast<std::size_t>(period) != 0;
  });
}

// Layers that see everything may be stretched; local ones turn by a base of their own.
void read_rotary(const ConfigSource& config, ModelSpec& spec) {
  set_rope(spec, config, "full_attention", 1e6);
  RopeAngles local = read_rope(config, {.theta = "rope_local_base_freq",
                                        .layers = "sliding_attention",
                                        .scales = false,
                                        .dims = spec.head_dim(),
                                        .trained = spec.max_positions});
  spec.rotary.local_base = local.base;
  spec.rotary.local_steps = std::move(local.steps);
  spec.rotary.local_magnitude = local.magnitude;
}

}  // namespace

bool is_gemma(const ConfigSource& config) {
  return config.string("model_type").value_or("") == "gemma3_text";
}

ModelSpec describe_gemma(const ConfigSource& config) {
  ModelSpec spec;
  spec.family = "gemma3_text";
  spec.vocab_size = required_size(config, "vocab_size");
  spec.hidden = required_size(config, "hidden_size");
  spec.layers = required_size(config, "num_hidden_layers");
  spec.heads = required_size(config, "num_attention_heads");
  spec.kv_heads = required_size(config, "num_key_value_heads");
  spec.head_size = required_size(config, "head_dim");
  spec.ffn = required_size(config, "intermediate_size");
  spec.max_positions = required_size(config, "max_position_embeddings");
  spec.activation = parse_activation(
      config.string("hidden_activation").value_or("gelu_pytorch_tanh"), "hidden_activation");
  spec.norm = NormKind::rms_plus_one;
  spec.norm_eps = static_cast<float>(config.number("rms_norm_eps").value_or(1e-6));
  spec.block_norms = BlockNorms::both;
  spec.gated = true;
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.hidden));
  const double query_scalar = config.number("query_pre_attn_scalar").value_or(256.0);
  spec.attention_scale = static_cast<float>(1.0 / std::sqrt(query_scalar));
  spec.positions = Positions::rotary;
  spec.causal = !config.boolean("use_bidirectional_attention").value_or(false);
  read_spans(config, spec);
  read_rotary(config, spec);
  const std::string layer = "layers.{}.";
  spec.names.word_embeddings = "embed_tokens.weight";
  spec.names.query = layer + "self_attn.q_proj";
  spec.names.key = layer + "self_attn.k_proj";
  spec.names.value = layer + "self_attn.v_proj";
  spec.names.query_norm = layer + "self_attn.q_norm";
  spec.names.key_norm = layer + "self_attn.k_norm";
  spec.names.attention_output = layer + "self_attn.o_proj";
  spec.names.attention_norm = layer + "input_layernorm";
  spec.names.attention_post_norm = layer + "post_attention_layernorm";
  spec.names.ffn_gate = layer + "mlp.gate_proj";
  spec.names.ffn_up = layer + "mlp.up_proj";
  spec.names.ffn_down = layer + "mlp.down_proj";
  spec.names.ffn_norm = layer + "pre_feedforward_layernorm";
  spec.names.ffn_post_norm = layer + "post_feedforward_layernorm";
  spec.names.final_norm = "norm";
  spec.prefixes = {"model."};
  return spec;
}

}  // namespace embedtool
