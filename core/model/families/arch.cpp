#include "core/model/families/arch.hpp"

#include <array>

#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"

namespace embedtool {
namespace {

// One line a family, asked in this order.
constexpr std::array kArchitectures = {
    Architecture{"bert", is_bert, describe_bert},
    Architecture{"distilbert", is_distilbert, describe_distilbert},
    Architecture{"roberta", is_roberta, describe_roberta},
    Architecture{"mpnet", is_mpnet, describe_mpnet},
    Architecture{"albert", is_albert, describe_albert},
    Architecture{"electra", is_electra, describe_electra},
    Architecture{"jina-bert", is_jina, describe_jina},
    Architecture{"nomic_bert", is_nomic, describe_nomic},
    Architecture{"new", is_gte, describe_gte},
    Architecture{"modernbert", is_modernbert, describe_modernbert},
    Architecture{"qwen2, qwen3", is_qwen, describe_qwen},
    Architecture{"gemma3_text", is_gemma, describe_gemma},
    Architecture{"t5", is_t5, describe_t5},
};

void check(const ModelSpec& spec, const std::string& where) {
  const auto refuse = [&where](const char* what, std::size_t value) {
    throw Error(ExitCode::model, "{}: senseless {} {}", where, what, value);
  };
  // Caps far above any model in use: products of sizes stay far below 2^63.
  constexpr std::size_t kMaxSize = std::size_t{1} << 24U;
  constexpr std::size_t kMaxLayers = 1024;
  for (const auto& [what, value] :
       {std::pair{"hidden size", spec.hidden}, std::pair{"number of attention heads", spec.heads},
        std::pair{"intermediate size", spec.ffn}, std::pair{"vocabulary size", spec.vocab_size}}) {
    if (value == 0 || value > kMaxSize) refuse(what, value);
  }
  if (spec.layers == 0 || spec.layers > kMaxLayers) refuse("number of layers", spec.layers);
  if (spec.max_positions > kMaxSize) refuse("number of positions", spec.max_positions);
  for (const auto& [what, value] :
       {std::pair{"embedding size", spec.embedding_size}, std::pair{"head size", spec.head_size},
        std::pair{"number of key heads", spec.kv_heads}}) {
    if (value > kMaxSize) refuse(what, value);
  }
  if (spec.heads % spec.key_heads() != 0) refuse("number of key heads", spec.key_heads());
  if (spec.positions == Positions::rotary) {
    const std::size_t rotated = spec.rotary.dims == 0 ? spec.head_dim() : spec.rotary.dims;
    if (rotated % 2 != 0 || rotated > spec.head_dim())
      refuse("number of rotated elements", rotated);
  }
  if (spec.shared_layers > spec.layers) refuse("number of layer groups", spec.shared_layers);
  if (spec.head_size == 0 && spec.hidden % spec.heads != 0) {
    throw Error(ExitCode::model, "{}: hidden size {} is not a multiple of {} attention heads",
                where, spec.hidden, spec.heads);
  }
}

}  // namespace

std::span<const Architecture> architectures() {
  return kArchitectures;
}

ModelSpec describe_model(const ConfigSource& config, const std::string& where) {
  for (const Architecture& architecture : architectures()) {
    if (!architecture.recognizes(config)) continue;
    ModelSpec spec = architecture.describe(config);
    check(spec, where);
    return spec;
  }
  std::string families;
  for (const Architecture& architecture : architectures()) {
    families += families.empty() ? "" : ", ";
    families += architecture.family;
  }
  throw Error(ExitCode::model, "{}: model type \"{}\"{} is not supported (supported: {})", where,
              config.string("model_type").value_or(""),
              config.has("auto_map") ? " with its own code (auto_map)" : "", families);
}

std::size_t required_size(const ConfigSource& config, const char* key) {
  const auto value = config.integer(key);
  if (!value.has_value() || *value < 0) {
    throw Error(ExitCode::model, "the configuration has no usable \"{}\"", key);
  }
  return static_cast<std::size_t>(*value);
}

}  // namespace embedtool
