#include "formats/model/model_limits.hpp"

#include <fmt/core.h>

#include <array>
#include <cstdint>
#include <optional>

#include "core/base/error.hpp"
#include "formats/io/json_document.hpp"
#include "formats/model/settings_rules.hpp"

namespace embedtool {
namespace {

// In the order in which sentence-transformers looks for them.
constexpr std::array<const char*, 7> kSettingsFiles{
    "sentence_bert_config.json",       "sentence_roberta_config.json",
    "sentence_distilbert_config.json", "sentence_camembert_config.json",
    "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json"};

// No model reads longer texts; what is beyond means "no limit".
constexpr double kMeansNoLimit = 1e9;

std::optional<JsonConfig> config_in(const FileSet& files, const char* name) {
  const auto bytes = files.find(name);
  if (!bytes.has_value()) return std::nullopt;
  return JsonConfig::parse(as_chars(*bytes), files.describe() + "/" + name);
}

std::size_t token_count(double value, const char* key, const std::string& where) {
  if (!(value >= 1) || value > kMeansNoLimit) {
    throw Error(ExitCode::model, "{}: '{}' should be a number of tokens", where, key);
  }
  return static_cast<std::size_t>(value);
}

}  // namespace

TransformerSettings read_transformer_settings(const FileSet& encoder_files,
                                              std::vector<std::string>& notes) {
  for (const char* name : kSettingsFiles) {
    const auto file = config_in(encoder_files, name);
    if (!file.has_value()) continue;
    const AuditedConfig config(*file);
    TransformerSettings out;
    out.source = name;
    if (const auto length = config.number("max_seq_length"); length.has_value()) {
      out.max_tokens = token_count(*length, "max_seq_length", file->where());
    }
    out.lower_case = config.boolean("do_lower_case").value_or(false);
    settle_keys(config, transformer_settings_keys(), file->where(), notes);
    return out;
  }
  return {};
}

TokenLimit transformer_limit(const FileSet& encoder_files, const TransformerSettings& settings,
                             const ModelSpec& spec, std::vector<std::string>& notes) {
  TokenLimit out;
  const auto tokenizer = config_in(encoder_files, "tokenizer_config.json");
  if (settings.max_tokens > 0) {
    out = {settings.max_tokens, "max_seq_length of " + settings.source};
  } else if (tokenizer.has_value()) {
    const auto length = tokenizer->number("model_max_length");
    if (length.has_value() && *length <= kMeansNoLimit) {
      out = {token_count(*length, "model_max_length", tokenizer->where()),
             "model_max_length of tokenizer_config.json"};
    }
  }
  if (spec.max_positions > 0 && (out.value == 0 || out.value > spec.max_positions)) {
    out.why = out.value == 0
                  ? "positions of the model"
                  : fmt::format("positions of the model ({} says {})", out.why, out.value);
    out.value = spec.max_positions;
  }
  if (out.value == 0) out.why = "nothing in the folder limits it";
  // gte-small and others carry the last value someone tokenized with; the library ignores it too.
  const auto call = tokenizer.has_value() ? tokenizer->number("max_length") : std::nullopt;
  if (call.has_value() && (out.value == 0 || *call < static_cast<double>(out.value))) {
    notes.push_back(
        fmt::format("ignoring max_length {} in tokenizer_config.json: it is a default for one "
                    "call, not the model's limit",
                    *call));
  }
  return out;
}

}  // namespace embedtool
