#pragma once

#include <cstddef>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports.hpp"

namespace embedtool {

/// Bounds on a JSON document from an untrusted file.
struct JsonLimits {
  std::size_t bytes = std::size_t{16} << 20;
  int depth = 64;
  /// Whether a member that appears twice in one object is an error; otherwise the last one counts,
  /// as in Python's reader.
  bool unique_keys = false;
};

/// Parses a whole JSON document. Throws Error(ExitCode::model) with `where` (the file), the byte
/// offset and the cause when it is malformed or beyond `limits`.
nlohmann::json parse_json(std::string_view text, const std::string& where,
                          const JsonLimits& limits = {});

/// A JSON object as a ConfigSource. Cheap to copy; immutable, hence thread-safe.
class JsonConfig : public ConfigSource {
 public:
  /// Throws Error(ExitCode::model) when `document` is not an object. `where` names the file.
  JsonConfig(nlohmann::json document, std::string where);
  /// Parses `text` first.
  static JsonConfig parse(std::string_view text, const std::string& where);

  bool has(std::string_view key) const override;
  /// Also accepts a float without a fraction, because some writers write 512.0.
  std::optional<std::int64_t> integer(std::string_view key) const override;
  std::optional<double> number(std::string_view key) const override;
  std::optional<bool> boolean(std::string_view key) const override;
  std::optional<std::string> string(std::string_view key) const override;
  /// A list of strings; a single string counts as a list of one.
  std::optional<std::vector<std::string>> strings(std::string_view key) const override;
  std::vector<std::string> members(std::string_view path) const override;
  std::string text(std::string_view key) const override;

  const std::string& where() const { return where_; }
  const nlohmann::json& document() const { return *document_; }

 private:
  const nlohmann::json* find(std::string_view key) const;

  std::shared_ptr<const nlohmann::json> document_;
  std::string where_;
};

}  // namespace embedtool
