// Qwen2 and Qwen3 as embedding models (Yang et al. 2024; Zhang et al. 2025; transformers'
// Qwen2Model, Qwen3Model): Llama's blocks, causal unless the configuration or the model's own class
// says otherwise (Stella 1.5B, voyage-4-nano).
#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"
#include "core/model/families/decoder_block.hpp"

namespace embedtool {
namespace {

std::string own_class(const ConfigSource& config) {
  const std::string path = config.string("auto_map.AutoModel").value_or("");
  return path.substr(path.rfind('.') + 1);
}

bool is_causal(const ConfigSource& config) {
  const auto causal = config.boolean("is_causal");
  const auto bidirectional = config.boolean("use_bidirectional_attention");
  const std::string name = own_class(config);
  if (causal && bidirectional && *causal == *bidirectional) {
    throw Error(ExitCode::model, "\"is_causal\" and \"use_bidirectional_attention\" contradict");
  }
  if (causal) return *causal;
  if (bidirectional) return !*bidirectional;
  if (name == "Qwen3BidirectionalModel") return false;
  if (name.empty()) return true;
  throw Error(ExitCode::model,
              "\"auto_map\" names code of the model's own ({}), and the configuration does not say "
              "whether its attention is causal; look for is_causal in that code, and add "
              "\"is_causal\": false (Stella 1.5B, gte-Qwen2) or true to config.json",
              config.string("auto_map.AutoModel").value_or(""));
}

}  // namespace

bool is_qwen(const ConfigSource& config) {
  const std::string type = config.string("model_type").value_or("");
  return type == "qwen2" || type == "qwen3";
}

ModelSpec describe_qwen(const ConfigSource& config) {
  ModelSpec spec = describe_decoder(config, {.causal = is_causal(config)});
  listed_local_layers(config, spec.layers);  // without a window, all of them see everything
  if (config.boolean("use_sliding_window").value_or(false)) {
    const auto window = static_cast<std::size_t>(required_size(config, "sliding_window"));
    const auto first = config.integer("max_window_layers").value_or(28);
    mark_local_layers(spec, config, [first](std::size_t layer) {
      return static_cast<std::int64_t>(layer) >= first;
    });
    spec.local_span = span_of_window(window);
    share_rope(spec);
  }
  if (own_class(config) == "Qwen3BidirectionalModel") spec.names.state_projection = "linear";
  const std::string layer = "layers.{}.";
  if (spec.family == "qwen3") {
    spec.names.query_norm = layer + "self_attn.q_norm";
    spec.names.key_norm = layer + "self_attn.k_norm";
  }
  return spec;
}

}  // namespace embedtool
