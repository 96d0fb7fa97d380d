#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports.hpp"

namespace embedtool {

/// Whether `word` is one of those that `separator` separates in `list`.
bool lists(std::string_view list, char separator, std::string_view word);

/// KeyRule::harmless of a key whose value never matters.
inline constexpr std::string_view kAny = "*";

/// What is known about a key that nothing here reads. A key that is neither read nor listed is
/// reported as unknown.
struct KeyRule {
  /// The key, or the start of several if it ends in '*'. Members of an object have dotted names.
  std::string_view key;
  /// JSON texts, separated by '|', of the values that change no result; kAny = every value.
  std::string_view harmless;
  /// For any other value: what it would mean and what to do, as the end of a sentence.
  std::string_view remedy;
};

/// A configuration that remembers which of its keys are read, so that the others can be accounted
/// for: honoured, of no effect, or refused. Borrows the configuration. Not thread-safe.
class AuditedConfig : public ConfigSource {
 public:
  explicit AuditedConfig(const ConfigSource& config) : config_(config) {}

  bool has(std::string_view key) const override { return read(key).has(key); }
  std::optional<std::int64_t> integer(std::string_view key) const override {
    return read(key).integer(key);
  }
  std::optional<double> number(std::string_view key) const override {
    return read(key).number(key);
  }
  std::optional<bool> boolean(std::string_view key) const override {
    return read(key).boolean(key);
  }
  std::optional<std::string> string(std::string_view key) const override {
    return read(key).string(key);
  }
  std::optional<std::vector<std::string>> strings(std::string_view key) const override {
    return read(key).strings(key);
  }
  std::vector<std::string> members(std::string_view path) const override {
    return config_.members(path);
  }
  std::string text(std::string_view key) const override { return config_.text(key); }

  /// Judges every key that has not been read, null values aside, by the first of `rules` that
  /// matches it. Throws Error(ExitCode::model) naming `where` (the file), the key, its value and
  /// the remedy. Returns the keys that no rule matches.
  std::vector<std::string> check_unread(std::span<const KeyRule> rules,
                                        const std::string& where) const;

 private:
  const ConfigSource& read(std::string_view key) const {
    read_.emplace(key);
    return config_;
  }
  /// Whether a member of `key` has been read.
  bool entered(const std::string& key) const;
  void check_members(const std::string& path, std::span<const KeyRule> rules,
                     const std::string& where, std::vector<std::string>& unknown) const;

  const ConfigSource& config_;
  mutable std::set<std::string, std::less<>> read_;
};

/// check_unread() as a note for users: which keys of `where` are not known; "" if all are.
std::string unknown_keys_note(const std::vector<std::string>& keys, const std::string& where);

}  // namespace embedtool
