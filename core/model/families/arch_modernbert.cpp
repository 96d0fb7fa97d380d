// ModernBERT (Warner et al. 2024; transformers' ModernBertModel): pre-norm blocks without biases,
// rotary positions, a gated FFN, and two layers of three that see a window only.
#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"

namespace embedtool {
namespace {

// Which layers are local: by a period, or, from transformers 5 on, in a list.
void read_spans(const ConfigSource& config, ModelSpec& spec) {
  spec.local_layers.assign(spec.layers, 0);
  spec.local_span = static_cast<std::size_t>(config.integer("local_attention").value_or(128)) / 2;
  if (const auto types = config.strings("layer_types")) {
    if (types->size() != spec.layers) {
      throw Error(ExitCode::model, "layer_types names {} layers of {}", types->size(), spec.layers);
    }
    for (std::size_t i = 0; i < spec.layers; ++i) {
      spec.local_layers[i] = (*types)[i] == "sliding_attention" ? 1 : 0;
    }
    return;
  }
  const auto period = config.integer("global_attn_every_n_layers").value_or(3);
  for (std::size_t i = 0; period > 0 && i < spec.layers; ++i) {
    spec.local_layers[i] = i % static_cast<std::size_t>(period) != 0 ? 1 : 0;
  }
}

void read_rotary(const ConfigSource& config, ModelSpec& spec) {
  const auto either = [&config](const char* old_key, const char* new_key, double fallback) {
    return config.number(old_key).value_or(config.number(new_key).value_or(fallback));
  };
  spec.rotary.base =
      either("global_rope_theta", "rope_parameters.full_attention.rope_theta", 160000.0);
  spec.rotary.local_base =
      either("local_rope_theta", "rope_parameters.sliding_attention.rope_theta", 10000.0);
}

}  // namespace

bool is_modernbert(const ConfigSource& config) {
  return config.string("model_type").value_or("") == "modernbert";
}

ModelSpec describe_modernbert(const ConfigSource& config) {
  ModelSpec spec;
  spec.family = "modernbert";
  spec.vocab_size = required_size(config, "vocab_size");
  spec.hidden = required_size(config, "hidden_size");
  spec.layers = required_size(config, "num_hidden_layers");
  spec.heads = required_size(config, "num_attention_heads");
  spec.ffn = required_size(config, "intermediate_size");
  spec.max_positions = required_size(config, "max_position_embeddings");
  spec.activation =
      parse_activation(config.string("hidden_activation").value_or("gelu"), "hidden_activation");
  spec.norm_eps = static_cast<float>(config.number("norm_eps").value_or(1e-5));
  spec.norm_bias = config.boolean("norm_bias").value_or(false);
  spec.positions = Positions::rotary;
  spec.block_norms = BlockNorms::pre;
  spec.first_norm = false;
  spec.gated = true;
  constexpr std::size_t kMaxLayers = 1024;  // what check() allows; before it ran
  if (spec.layers <= kMaxLayers) read_spans(config, spec);
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
