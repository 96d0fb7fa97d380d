// ModernBERT (Warner et al. 2024; transformers' ModernBertModel): pre-norm blocks without biases,
// rotary positions, a gated FFN, and two layers of three that see a window only.
#include <utility>

#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"
#include "core/model/families/decoder_block.hpp"

namespace embedtool {
namespace {

// Which layers are local: by a period, or, from transformers 5 on, in a list.
void read_spans(const ConfigSource& config, ModelSpec& spec) {
  spec.local_span = static_cast<std::size_t>(config.integer("local_attention").value_or(128)) / 2;
  const auto period = config.integer("global_attn_every_n_layers").value_or(3);
  mark_local_layers(spec, config, [period](std::size_t layer) {
    return period > 0 && layer % static_cast<std::size_t>(period) != 0;
  });
}

void read_rotary(const ConfigSource& config, ModelSpec& spec) {
  RopeSource source{.theta = "global_rope_theta",
                    .usual_base = 160000.0,
                    .layers = "full_attention",
                    .dims = spec.head_dim(),
                    .trained = spec.max_positions};
  RopeAngles angles = read_rope(config, source);
  spec.rotary.base = angles.base;
  spec.rotary.steps = std::move(angles.steps);
  spec.rotary.magnitude = angles.magnitude;
  source.theta = "local_rope_theta";
  source.usual_base = 10000.0;
  source.layers = "sliding_attention";
  angles = read_rope(config, source);
  spec.rotary.local_base = angles.base;
  spec.rotary.local_steps = std::move(angles.steps);
  spec.rotary.local_magnitude = angles.magnitude;
}

}  // namespace

bool is_modernbert(const ConfigSource& config) {
  return config.string("model_type").value_or("") == "modernbert";
}

ModelSpec describe_modernbert(const ConfigSource& config) {
  ModelSpec spec;
  spec.family = "modernbert";
  read_sizes(config, spec);
  spec.activation =
      parse_activation(config.string("hidden_activation").value_or("gelu"), "hidden_activation");
  spec.norm_eps = static_cast<float>(config.number("norm_eps").value_or(1e-5));
  spec.norm_bias = config.boolean("norm_bias").value_or(false);
  spec.positions = Positions::rotary;
  spec.block_norms = BlockNorms::pre;
  spec.first_norm = false;
  spec.gated = true;
  read_spans(config, spec);
  read_rotary(config, spec);
  const std::string layer = "layers.{}.";
  spec.names.word_embeddings = "embeddings.tok_embeddings.weight";
  spec.names.embedding_norm = "embeddings.norm";
  spec.names.query = layer + "attn.Wqkv";
  spec.names.attention_output = layer + "attn.Wo";
  spec.names.attention_norm = layer + "attn_norm";
  spec.names.ffn_up = layer + "mlp.Wi";
  spec.names.ffn_down = layer + "mlp.Wo";
  spec.names.ffn_norm = layer + "mlp_norm";
  spec.names.final_norm = "final_norm";
  spec.prefixes = {"model."};
  return spec;
}

}  // namespace embedtool
