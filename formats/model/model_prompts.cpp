#include "formats/model/model_prompts.hpp"

#include <nlohmann/json.hpp>

#include "core/base/error.hpp"
#include "formats/io/json_document.hpp"
#include "formats/model/settings_rules.hpp"

namespace embedtool {
namespace {

std::map<std::string, std::string> prompts_of(const JsonConfig& config) {
  std::map<std::string, std::string> out;
  if (!config.has("prompts")) return out;
  const nlohmann::json& prompts = config.document().at("prompts");
  for (const auto& [name, text] : prompts.items()) {
    if (prompts.is_object() && text.is_null()) continue;  // a name that has no prompt
    if (!prompts.is_object() || !text.is_string()) {
      throw Error(ExitCode::model, "{}: 'prompts' should map names to texts", config.where());
    }
    out.emplace(name, text.get<std::string>());
  }
  return out;
}

}  // namespace

PromptSettings read_prompts(const FileSet& files, std::vector<std::string>& notes) {
  const std::string name = "config_sentence_transformers.json";
  PromptSettings out;
  const auto bytes = files.find(name);
  if (!bytes.has_value()) return out;
  const JsonConfig config = JsonConfig::parse(as_chars(*bytes), files.describe() + "/" + name);
  const AuditedConfig audited(config);
  out.similarity = audited.string("similarity_fn_name").value_or("");
  out.kind = audited.string("model_type").value_or("");
  if (audited.has("prompts")) out.prompts = prompts_of(config);
  out.default_name = audited.string("default_prompt_name");
  if (out.default_name && !out.prompts.contains(*out.default_name)) {
    throw Error(ExitCode::model, "{}: the default prompt '{}' is not among the prompts",
                config.where(), *out.default_name);
  }
  settle_keys(audited, model_settings_keys(), config.where(), notes);
  return out;
}

}  // namespace embedtool
