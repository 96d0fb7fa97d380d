#include "core/model/families/arch.hpp"

#include <algorithm>
#include <array>

#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"
#include "core/model/families/config_keys.hpp"

namespace embedtool {
namespace {

// One line per family, asked in this order.
constexpr std::array kArchitectures = {
    Architecture{"bert", is_bert, describe_bert},
    Architecture{"distilbert", is_distilbert, describe_distilbert},
    Architecture{"jina_embeddings_v3", is_jina_v3, describe_jina_v3,
                 "XLMRobertaFlashConfig XLMRobertaModel XLMRobertaLoRA"},
    Architecture{"roberta, xlm-roberta, camembert", is_roberta, describe_roberta},
    Architecture{"mpnet", is_mpnet, describe_mpnet},
    Architecture{"albert", is_albert, describe_albert},
    Architecture{"electra", is_electra, describe_electra},
    Architecture{"jina-bert", is_jina, describe_jina, "JinaBertModel JinaBertConfig"},
    Architecture{"nomic_bert", is_nomic, describe_nomic, "NomicBertModel NomicBertConfig"},
    Architecture{"new, gte", is_gte, describe_gte, "NewModel NewConfig GteModel GteConfig"},
    Architecture{"modernbert", is_modernbert, describe_modernbert},
    Architecture{"qwen2, qwen3", is_qwen, describe_qwen,
                 "Qwen2Model Qwen2Config Qwen3BidirectionalModel"},
    Architecture{"llama, mistral, llama_bidirec, eurobert", is_llama, describe_llama,
                 "LlamaBidirectionalModel LlamaBidirectionalConfig EuroBertModel EuroBertConfig"},
    Architecture{"gemma3_text", is_gemma, describe_gemma},
    Architecture{"t5, mt5", is_t5, describe_t5},
};

void check(const ModelSpec& spec, const std::string& where) {
  const auto refuse = [&where](const char* what, std::size_t value) {
    throw Error(ExitCode::model, "{}: senseless {} {}", where, what, value);
  };
  // Caps far above any model in use: products of sizes stay far below 2^63.
  constexpr std::size_t kMaxSize = std::size_t{1} << 24U;
  for (const auto& [what, value] :
       {std::pair{"hidden size", spec.hidden}, std::pair{"number of attention heads", spec.heads},
        std::pair{"intermediate size", spec.ffn}, std::pair{"vocabulary size", spec.vocab_size}}) {
    if (value == 0 || value > kMaxSize) refuse(what, value);
  }
  if (spec.layers == 0 || spec.layers > kMaxLayers) refuse("number of layers", spec.layers);
  if (spec.max_positions > kMaxSize) refuse("number of positions", spec.max_positions);
  for (const auto& [what, value] :
       {std::pair{"embedding size", spec.embedding_size}, std::pair{"head size", spec.head_size},
        std::pair{"number of key heads", spec.kv_heads},
        std::pair{"number of experts", spec.experts.count}}) {
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

// The class that computes the model's vectors, if it is one that the model brings along; "" if it
// is transformers' own.
std::string own_class(const ConfigSource& config) {
  for (const char* key : {"auto_map.AutoModel", "auto_map.AutoConfig"}) {
    const std::string path = config.string(key).value_or("");
    if (!path.empty()) return path.substr(path.rfind('.') + 1);
  }
  return "";
}

void check_own_code(const Architecture& architecture, const ConfigSource& config,
                    const std::string& where) {
  const std::string name = own_class(config);
  if (name.empty() || lists(architecture.own_classes, ' ', name)) return;
  throw Error(
      ExitCode::model,
      "{}: \"auto_map\" names code of the model's own ({}), which is not known to compute "
      "what a {} does{}; if the model's authors say that the class of transformers gives the "
      "same vectors, remove \"auto_map\" from a copy of the folder",
      where, name, config.string("model_type").value_or("model"),
      architecture.own_classes.empty()
          ? ""
          : fmt::format(" (known classes: {})", architecture.own_classes));
}

// Weights of one scale for each block are multiplied out (f8, in the layouts of finegrained_fp8 and
// of compressed-tensors); everything else that calls itself quantized is named.
void check_quantization(const ConfigSource& config, const std::string& where) {
  const std::string method = config.string("quantization_config.quant_method").value_or("");
  const std::string format = config.string("quantization_config.format").value_or("");
  const bool mlx = config.has("quantization.group_size");
  const bool nameless = config.has("quantization_config") && method.empty();
  if (method == "fp8" || (method == "compressed-tensors" && format == "float-quantized")) return;
  if (method.empty() && !mlx && !nameless) return;
  throw Error(ExitCode::model,
              "{}: the weights are quantized ({}), in a form that is not read; use the original "
              "model's safetensors weights, or a GGUF file of it",
              where,
              mlx        ? "MLX"
              : nameless ? config.text("quantization_config")
                         : method + " " + format);
}

// What a family refuses, with the file's name before it.
ModelSpec describe_as(const Architecture& architecture, const ConfigSource& config,
                      const std::string& where) {
  try {
    return architecture.describe(config);
  } catch (const Error& error) {
    const std::string_view message = error.what();
    if (message.starts_with(where)) throw;
    throw Error(error.code(), "{}: {}", where, message);
  }
}

}  // namespace

std::span<const Architecture> architectures() {
  return kArchitectures;
}

ModelSpec describe_model(const ConfigSource& config, const std::string& where,
                         std::vector<std::string>& notes) {
  for (const Architecture& architecture : architectures()) {
    const AuditedConfig audited(config);
    if (!architecture.recognizes(audited)) continue;
    check_own_code(architecture, config, where);
    check_quantization(audited, where);
    ModelSpec spec = describe_as(architecture, audited, where);
    check(spec, where);
    const std::string note = unknown_keys_note(audited.check_unread(config_keys(), where), where);
    if (!note.empty()) notes.push_back(note);
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

void read_sizes(const ConfigSource& config, ModelSpec& spec) {
  spec.vocab_size = required_size(config, "vocab_size");
  spec.hidden = required_size(config, "hidden_size");
  spec.layers = required_size(config, "num_hidden_layers");
  spec.heads = required_size(config, "num_attention_heads");
  spec.ffn = required_size(config, "intermediate_size");
  spec.max_positions = required_size(config, "max_position_embeddings");
}

}  // namespace embedtool
