#include "core/config_audit.hpp"

#include <algorithm>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

bool matches(std::string_view pattern, std::string_view key) {
  if (!pattern.ends_with('*')) return pattern == key;
  return key.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool names_members(std::span<const KeyRule> rules, const std::string& key) {
  return std::any_of(rules.begin(), rules.end(), [start = key + "."](const KeyRule& rule) {
    return rule.key.starts_with(start) && rule.key != start + "*";
  });
}

}  // namespace

bool lists(std::string_view list, char separator, std::string_view word) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(separator), list.size());
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

bool AuditedConfig::entered(const std::string& key) const {
  const std::string start = key + ".";
  const auto next = read_.lower_bound(start);
  return next != read_.end() && next->starts_with(start);
}

void AuditedConfig::check_members(const std::string& path, std::span<const KeyRule> rules,
                                  const std::string& where,
                                  std::vector<std::string>& unknown) const {
  for (const std::string& name : config_.members(path)) {
    const std::string key = path.empty() ? name : path + "." + name;
    const bool descends = entered(key) || names_members(rules, key);
    if (descends && !config_.members(key).empty()) {
      check_members(key, rules, where, unknown);
      continue;
    }
    if (read_.contains(key)) continue;
    const auto rule = std::find_if(rules.begin(), rules.end(),
                                   [&key](const KeyRule& r) { return matches(r.key, key); });
    if (rule == rules.end()) {
      unknown.push_back(key);
    } else if (rule->harmless != kAny && !lists(rule->harmless, '|', config_.text(key))) {
      throw Error(ExitCode::model, "{}: \"{}\": {} is not supported: {}", where, key,
                  config_.text(key), rule->remedy);
    }
  }
}

std::vector<std::string> AuditedConfig::check_unread(std::span<const KeyRule> rules,
                                                     const std::string& where) const {
  std::vector<std::string> unknown;
  check_members("", rules, where, unknown);
  return unknown;
}

std::string unknown_keys_note(const std::vector<std::string>& keys, const std::string& where) {
  std::string list;
  for (const std::string& key : keys) list += (list.empty() ? "" : ", ") + key;
  if (list.empty()) return "";
  return fmt::format("{}: ignoring keys that the model's class does not read: {}", where, list);
}

}  // namespace embedtool
