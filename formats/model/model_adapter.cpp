// Adapters of PEFT beside or instead of a model's weights. As transformers does, the base model's
// configuration and weights are taken, whatever else lies in the adapter's folder.
#include "formats/model/model_adapter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/human.hpp"
#include "core/config_audit.hpp"
#include "core/model/weights.hpp"
#include "formats/model/model_unused.hpp"
#include "formats/model/settings_rules.hpp"

namespace embedtool {
namespace {

constexpr std::string_view kMerge =
    "merge it once in Python: AutoModel.from_pretrained(DIR), merge_and_unload(), "
    "save_pretrained(NEW)";

constexpr auto kAdapterKeys = std::to_array<KeyRule>({
    {"alpha_pattern*", kAny, ""},  // read from the document
    // How it was trained, and what the tensors themselves tell.
    {"auto_mapping", kAny, ""},
    {"bias", kAny, ""},
    {"corda_config", kAny, ""},
    {"ensure_weight_tying", kAny, ""},
    {"eva_config", kAny, ""},
    {"exclude_modules", kAny, ""},
    {"fan_in_fan_out", kAny, ""},  // not of linear layers
    {"inference_mode", kAny, ""},
    {"layers_pattern", kAny, ""},
    {"layers_to_transform", kAny, ""},
    {"loftq_config", kAny, ""},
    {"lora_dropout", kAny, ""},
    {"lora_ga_config", kAny, ""},
    {"megatron_*", kAny, ""},
    {"modules_to_save", kAny, ""},
    {"peft_version", kAny, ""},
    {"qalora_group_size", kAny, ""},
    {"r", kAny, ""},
    {"rank_pattern*", kAny, ""},
    {"runtime_config", kAny, ""},
    {"target_modules", kAny, ""},
    {"task_type", kAny, ""},
    // What is computed otherwise.
    {"alora_invocation_tokens", "", kMerge},
    {"arrow_config", "", kMerge},
    {"init_lora_weights", R"(true|false|"gaussian"|"eva"|"orthogonal")",
     "it also changes the base model's weights; convert the adapter with save_pretrained(NEW, "
     "path_initial_model_for_weight_conversion=INITIAL)"},
    {"kasa_config", "", kMerge},
    {"layer_replication", "[]", kMerge},
    {"lora_bias", "false", kMerge},
    {"monteclora_config", "", kMerge},
    {"target_parameters", "[]", kMerge},
    {"trainable_token_indices", "[]|{}", kMerge},
    {"use_bdlora", "false", kMerge},
    {"use_dora", "false", kMerge},
    {"use_qalora", "false", kMerge},
    {"velora_config", "", kMerge},
});

/// Read from the document, since the names hold dots themselves.
std::map<std::string, double> read_alphas(const JsonConfig& file) {
  std::map<std::string, double> out;
  const auto found = file.document().find("alpha_pattern");
  if (found == file.document().end() || !found->is_object()) return out;
  for (const auto& [name, alpha] : found->items()) {
    if (!alpha.is_number() || name.find_first_of("\\[](){}*+?|^$") != name.npos) {
      throw Error(ExitCode::model,
                  "{}: alpha_pattern: '{}': only names with a number each are read; {}",
                  file.where(), name, kMerge);
    }
    out.emplace(name, alpha.get<double>());
  }
  return out;
}

}  // namespace

AdapterSettings read_adapter(const JsonConfig& file, std::vector<std::string>& notes) {
  const AuditedConfig config(file);
  const std::string kind = config.string("peft_type").value_or("");
  AdapterSettings out;
  out.base = config.string("base_model_name_or_path").value_or("");
  if (kind != "LORA" || out.base.empty()) {
    throw Error(ExitCode::model, "{}: an adapter ({}) for {}, which is not merged here; {}",
                file.where(), kind, out.base.empty() ? "a model that it does not name" : out.base,
                kMerge);
  }
  out.revision = config.string("revision").value_or("");
  out.scaling.alpha = config.number("lora_alpha").value_or(out.scaling.alpha);
  out.scaling.by_root = config.boolean("use_rslora").value_or(false);
  out.scaling.alpha_of = read_alphas(file);
  settle_keys(config, kAdapterKeys, file.where(), notes);
  return out;
}

namespace {

/// Whether the tensor is a table whose rows get their change as they are looked up, and nothing
/// else.
bool is_looked_up(std::string_view stored, const ModelSpec& spec,
                  const std::vector<const HeadSpec*>& heads) {
  const std::string_view name = without_prefix(stored, spec.prefixes);
  const auto decodes = [&](const HeadSpec* head) {
    return head->sparse.kind == SparseKind::vocabulary &&
           without_prefix(head->sparse.decoder, spec.prefixes) == name;
  };
  return (name == spec.names.word_embeddings || name == spec.names.token_type_embeddings) &&
         std::none_of(heads.begin(), heads.end(), decodes);
}

/// Whether an encoder with one of the heads uses a matrix that the adapter changes.
bool uses_changed(const std::string& name, bool looked_up, const LoraWeights& weights,
                  const std::vector<TensorUses>& of_heads) {
  bool used = false;
  for (const TensorUses& uses : of_heads) {
    const TensorUse use = uses.of(name);
    if (use == TensorUse::tensor && !looked_up) {
      throw Error(ExitCode::model,
                  "{}: the adapter changes {}, which is neither a linear layer's nor only looked "
                  "up; {}",
                  weights.describe(), name, kMerge);
    }
    used = used || use != TensorUse::none;
  }
  return used;
}

}  // namespace

void settle_adapter(const LoraWeights& weights, const ModelSpec& spec,
                    const std::vector<const HeadSpec*>& heads, const std::string& base,
                    std::vector<std::string>& notes) {
  std::vector<TensorUses> of_heads;
  of_heads.reserve(heads.size());
  for (const HeadSpec* head : heads) of_heads.emplace_back(spec, *head, weights);
  const auto merged = static_cast<std::size_t>(std::count_if(
      weights.changed().begin(), weights.changed().end(), [&](const std::string& name) {
        return uses_changed(name, is_looked_up(name, spec, heads), weights, of_heads);
      }));
  std::string note =
      fmt::format("the LoRA adapter is merged into {} of {}", human_count(merged, "weight"), base);
  if (weights.replaced() > 0) {
    note += fmt::format(" and replaces {} of it", human_count(weights.replaced(), "tensor"));
  }
  if (const std::size_t unused = weights.changed().size() - merged; unused > 0) {
    note += fmt::format("; {} that it changes are not used", human_count(unused, "weight"));
  }
  notes.push_back(std::move(note));
  if (!weights.left_out().empty()) {
    notes.push_back(fmt::format("left out of the adapter, since {} has no such layer: {}", base,
                                fmt::join(weights.left_out(), ", ")));
  }
}

}  // namespace embedtool
