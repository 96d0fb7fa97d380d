#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/config_audit.hpp"

namespace embedtool {

/// Keys of sentence-transformers' settings files that nothing here reads, one list per kind of
/// file: those that change no vector, and those that would.
std::span<const KeyRule> model_settings_keys();        ///< config_sentence_transformers.json
std::span<const KeyRule> transformer_settings_keys();  ///< sentence_bert_config.json
std::span<const KeyRule> module_keys();                ///< config.json of any other module

/// Accounts for the keys of `where` that have not been read: throws Error(ExitCode::model) naming
/// one that would change vectors, and adds those that nobody knows to `notes`.
void settle_keys(const AuditedConfig& config, std::span<const KeyRule> rules,
                 const std::string& where, std::vector<std::string>& notes);

}  // namespace embedtool
