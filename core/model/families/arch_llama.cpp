// Llama and Mistral as embedding models (Touvron et al. 2023; Jiang et al. 2023; transformers'
// LlamaModel and MistralModel), causal as in e5-mistral, or reading both ways as in NVIDIA's
// LlamaBidirectionalModel and in EuroBERT (Boizard et al. 2025), which is the same block.
#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"
#include "core/model/families/decoder_block.hpp"

namespace embedtool {

bool is_llama(const ConfigSource& config) {
  const std::string type = config.string("model_type").value_or("");
  return type == "llama" || type == "mistral" || type == "llama_bidirec" || type == "eurobert";
}

ModelSpec describe_llama(const ConfigSource& config) {
  const std::string type = config.string("model_type").value_or("");
  const bool both_ways = type == "llama_bidirec" || type == "eurobert";
  ModelSpec spec =
      describe_decoder(config, {.rope_base = type == "eurobert" ? 250000.0 : 10000.0,
                                .norm_eps = type == "eurobert" ? 1e-5 : 1e-6,
                                .causal = config.boolean("is_causal").value_or(!both_ways)});
  if (type == "eurobert") spec.prefixes = {"model.", "eurobert."};
  if (type == "mistral" && config.has("sliding_window")) {
    spec.local_span = span_of_window(required_size(config, "sliding_window"));
    mark_local_layers(spec, config, [](std::size_t) { return true; });
    share_rope(spec);
  }
  return spec;
}

}  // namespace embedtool
