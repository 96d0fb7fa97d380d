// EmbeddingGemma (Vera et al. 2025; transformers' Gemma3TextModel with bidirectional attention):
// blocks with a norm before and behind either sub-layer, five layers of six local.
#include <cmath>

#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"

namespace embedtool {
namespace {

void read_spans(const ConfigSource& config, ModelSpec& spec) {
  // |query - key| ≤ window / 2.
  spec.local_span = static_cast<std::size_t>(config.integer("sliding_window").value_or(512)) / 2;
  spec.local_layers.assign(spec.layers, 0);
  const auto types = config.strings("layer_types");
  if (types && types->size() != spec.layers) {
    throw Error(ExitCode::model, "layer_types names {} layers of {}", types->size(), spec.layers);
  }
  const auto period = config.integer("_sliding_window_pattern")
                          .value_or(config.integer("sliding_window_pattern").value_or(6));
  for (std::size_t i = 0; i < spec.layers; ++i) {
    const bool local = types        ? (*types)[i] == "sliding_attention"
                       : period > 0 ? (i + 1) % static_cast<std::size_t>(period) != 0
                                    : false;
    spec.local_layers[i] = local ? 1 : 0;
  }
}

}  // namespace

bool is_gemma(const ConfigSource& config) {
  return config.string("model_type").value_or("") == "gemma3_text" &&
         config.boolean("use_bidirectional_attention").value_or(false);
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
  spec.rotary.base =
      config.number("rope_theta")
          .value_or(config.number("rope_parameters.full_attention.rope_theta").value_or(1e6));
  spec.rotary.local_base =
      config.number("rope_local_base_freq")
          .value_or(config.number("rope_parameters.sliding_attention.rope_theta").value_or(1e4));
  constexpr std::size_t kMaxLayers = 1024;  // what check() allows; before it ran
  if (spec.layers <= kMaxLayers) read_spans(config, spec);
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
