#include "core/model/families/decoder_block.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"

namespace embedtool {

ModelSpec describe_decoder(const ConfigSource& config, const DecoderUsage& usual) {
  ModelSpec spec;
  spec.family = config.string("model_type").value_or("");
  read_sizes(config, spec);
  if (config.has("num_key_value_heads")) {
    spec.kv_heads = required_size(config, "num_key_value_heads");
  }
  if (config.has("head_dim")) spec.head_size = required_size(config, "head_dim");
  spec.activation = parse_activation(config.string("hidden_act").value_or("silu"), "hidden_act");
  spec.norm = NormKind::rms;
  spec.norm_eps = static_cast<float>(config.number("rms_norm_eps").value_or(usual.norm_eps));
  spec.positions = Positions::rotary;
  set_rope(spec, config, "", usual.rope_base);
  spec.causal = usual.causal;
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
  spec.prefixes = {"model."};
  return spec;
}

void set_rope(ModelSpec& spec, const ConfigSource& config, std::string_view layers,
              double usual_base) {
  RopeAngles angles = read_rope(config, {.usual_base = usual_base,
                                         .layers = layers,
                                         .dims = spec.head_dim(),
                                         .trained = spec.max_positions});
  spec.rotary.base = angles.base;
  spec.rotary.steps = std::move(angles.steps);
  spec.rotary.magnitude = angles.magnitude;
  if (angles.limit > 0) spec.max_positions = std::min(spec.max_positions, angles.limit);
}

void share_rope(ModelSpec& spec) {
  spec.rotary.local_base = spec.rotary.base;
  spec.rotary.local_steps = spec.rotary.steps;
  spec.rotary.local_magnitude = spec.rotary.magnitude;
}

std::vector<std::uint8_t> listed_local_layers(const ConfigSource& config, std::size_t layers) {
  const auto types = config.strings("layer_types");
  if (!types) return {};
  if (types->size() != layers) {
    throw Error(ExitCode::model, "layer_types names {} layers of {}", types->size(), layers);
  }
  std::vector<std::uint8_t> local;
  for (const std::string& type : *types) {
    if (type != "sliding_attention" && type != "full_attention") {
      throw Error(ExitCode::model, "layer_types: \"{}\" is not supported", type);
    }
    local.push_back(type == "sliding_attention" ? 1 : 0);
  }
  return local;
}

}  // namespace embedtool
