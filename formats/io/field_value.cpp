#include "formats/io/field_value.hpp"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <optional>

#include "core/base/check.hpp"
#include "formats/io/json_text.hpp"

namespace embedtool {
namespace {

/// All of `text` as a number in decimal.
template <typename Number>
std::optional<Number> parse(std::string_view text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

/// A whole number, also one that pandas has made a float because others were missing: "3.0".
std::optional<std::int64_t> parse_whole(std::string_view text) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (const auto value = parse<std::int64_t>(text)) return value;
  const auto real = parse<double>(text);
  if (!real || !(std::abs(*real) <= kExact) || std::trunc(*real) != *real) return std::nullopt;
  return static_cast<std::int64_t>(*real);
}

std::optional<bool> parse_boolean(std::string_view text) {
  for (const std::string_view word : {"true", "True", "TRUE"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"false", "False", "FALSE"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

}  // namespace

KeptField kept_field(std::string_view word) {
  const std::size_t colon = word.rfind(':');
  if (colon != std::string_view::npos && colon > 0) {
    if (const auto type = find_named<FieldType>(word.substr(colon + 1))) {
      return {std::string(word.substr(0, colon)), *type};
    }
  }
  return {std::string(word), FieldType::string};
}

std::string kept_word(const KeptField& field) {
  const bool plain = field.type == FieldType::string && kept_field(field.name) == field;
  return plain ? field.name : fmt::format("{}:{}", field.name, name_of(field.type));
}

std::string_view describe(FieldType type) {
  switch (type) {
    case FieldType::string:
      return "a string";
    case FieldType::int64:
      return "a whole number of 64 bits";
    case FieldType::float64:
      return "a number in the range of a double";
    case FieldType::boolean:
      return "true or false";
  }
  return "?";
}

bool append_canonical(FieldType type, std::string_view text, std::string& out) {
  const auto append = [&out](const auto& value) {
    if (value) out += canonical_text(*value);
    return value.has_value();
  };
  switch (type) {
    case FieldType::string:
      break;
    case FieldType::int64:
      return append(parse_whole(text));
    case FieldType::float64:
      return append(parse<double>(text));
    case FieldType::boolean:
      return append(parse_boolean(text));
  }
  EMBEDTOOL_CHECK(type != FieldType::string);
  return false;
}

std::int64_t int64_of(std::string_view canonical) {
  const auto value = parse<std::int64_t>(canonical);
  EMBEDTOOL_CHECK(value.has_value());
  return value.value_or(0);
}

double float64_of(std::string_view canonical) {
  const auto value = parse<double>(canonical);
  EMBEDTOOL_CHECK(value.has_value());
  return value.value_or(0);
}

std::string canonical_text(std::int64_t value) {
  return fmt::format("{}", value);
}

// The shortest text that reads back as the same number; every NaN is one.
std::string canonical_text(double value) {
  return std::isnan(value) ? "nan" : fmt::format("{}", value);
}

void append_json_field(std::string& out, FieldType type, std::string_view text) {
  if (type == FieldType::string) return append_json_string(out, text);
  const bool is_json = type != FieldType::float64 || std::isfinite(float64_of(text));
  out += is_json ? text : "null";
}

}  // namespace embedtool
