#pragma once

#include <cstddef>
#include <string_view>

#include "core/model/families/arch_families.hpp"
#include "core/model/families/rope.hpp"
#include "core/model/spec.hpp"
#include "core/ports.hpp"

namespace embedtool {

/// Llama's blocks, which Qwen, Mistral and EuroBERT share: pre-norm with RMS norms, rotary
/// positions, shared key heads, a gated FFN, tensors named `layers.{}.self_attn.q_proj`, …
struct DecoderUsage {
  double rope_base = 10000.0;  ///< where the configuration names none
  double norm_eps = 1e-6;      ///< likewise
  bool causal = true;
};

/// The spec of a configuration with Llama's keys. Sliding windows are left to the family.
ModelSpec describe_decoder(const ConfigSource& config, const DecoderUsage& usual);

/// Reads the main rotary angles; sets limits on positions where the angles have one.
void set_rope(ModelSpec& spec, const ConfigSource& config, std::string_view layers,
              double usual_base);

/// Local layers turn by the same angles as the others.
void share_rope(ModelSpec& spec);

/// Marks layers as local that `layer_types` calls "sliding_attention"; without such a list, those
/// that `is_local` answers true for. Throws Error(ExitCode::model) if the list has another length
/// or an unknown word.
template <typename IsLocal>
void mark_local_layers(ModelSpec& spec, const ConfigSource& config, const IsLocal& is_local);

/// A layer whose queries see the last `window` keys, themselves included, and if they are not
/// causal, as many ahead.
inline std::size_t span_of_window(std::size_t window) {
  return window == 0 ? 0 : window - 1;
}

/// `layer_types`, or an empty list; see mark_local_layers().
std::vector<std::uint8_t> listed_local_layers(const ConfigSource& config, std::size_t layers);

template <typename IsLocal>
void mark_local_layers(ModelSpec& spec, const ConfigSource& config, const IsLocal& is_local) {
  spec.local_layers = listed_local_layers(config, spec.layers);
  if (!spec.local_layers.empty()) return;
  if (spec.layers > kMaxLayers) return;
  spec.local_layers.assign(spec.layers, 0);
  for (std::size_t i = 0; i < spec.layers; ++i) spec.local_layers[i] = is_local(i) ? 1 : 0;
}

}  // namespace embedtool
