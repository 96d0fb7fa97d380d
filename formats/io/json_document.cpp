#include "formats/io/json_document.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

using nlohmann::json;

// Watches a parse as it goes: stops at too deep a nesting before the tree grows, and at a member
// that its object already has.
class ParseGuard {
 public:
  ParseGuard(const JsonLimits& limits, const std::string& where) : limits_(limits), where_(where) {}

  bool operator()(int depth, json::parse_event_t event, const json& value) {
    using Event = json::parse_event_t;
    const bool opens = event == Event::object_start || event == Event::array_start;
    if (opens && depth >= limits_.depth) {
      throw Error(ExitCode::model, "{}: JSON nested deeper than {} levels", where_, limits_.depth);
    }
    if (!limits_.unique_keys) return true;
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key && !keys_.back().insert(value.get<std::string>()).second) {
      throw Error(ExitCode::model, "{}: '{}' appears twice", where_, value.get<std::string>());
    }
    return true;
  }

 private:
  const JsonLimits& limits_;
  const std::string& where_;
  std::vector<std::set<std::string>> keys_;  // one set for each open object
};

std::string short_text(const json& value) {
  constexpr std::size_t kMostCharacters = 80;
  return value.dump(-1, ' ', true, json::error_handler_t::replace).substr(0, kMostCharacters);
}

Error wrong_type(const std::string& where, std::string_view key, const char* wanted,
                 const json& found) {
  return Error(ExitCode::model, "{}: '{}' should be {}, but is {}", where, key, wanted,
               short_text(found));
}

}  // namespace

json parse_json(std::string_view text, const std::string& where, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    throw Error(ExitCode::model, "{}: {} bytes of JSON, more than the limit of {}", where,
                text.size(), limits.bytes);
  }
  ParseGuard guard(limits, where);
  try {
    return json::parse(text.begin(), text.end(),
                       [&guard](int depth, json::parse_event_t event, json& value) {
                         return guard(depth, event, value);
                       });
  } catch (const json::parse_error& error) {
    throw Error(ExitCode::model, "{}: not valid JSON at byte {} of {}", where, error.byte,
                text.size());
  } catch (const json::exception& error) {
    throw Error(ExitCode::model, "{}: not usable as JSON: {}", where, error.what());
  }
}

JsonConfig::JsonConfig(json document, std::string where)
    : document_(std::make_shared<const json>(std::move(document))), where_(std::move(where)) {
  if (!document_->is_object()) {
    throw Error(ExitCode::model, "{}: should hold a JSON object", where_);
  }
}

JsonConfig JsonConfig::parse(std::string_view text, const std::string& where) {
  return {parse_json(text, where), where};
}

// A member of that very name goes before a path: names with dots are rare, but legal.
const json* JsonConfig::find(std::string_view key) const {
  const json* at = document_.get();
  for (;;) {
    if (!at->is_object()) return nullptr;
    if (const auto whole = at->find(std::string(key)); whole != at->end()) {
      return whole->is_null() ? nullptr : &*whole;
    }
    const std::size_t dot = key.find('.');
    if (dot == std::string_view::npos) return nullptr;
    const auto part = at->find(std::string(key.substr(0, dot)));
    if (part == at->end()) return nullptr;
    at = &*part;
    key.remove_prefix(dot + 1);
  }
}

bool JsonConfig::has(std::string_view key) const {
  return find(key) != nullptr;
}

std::optional<std::int64_t> JsonConfig::integer(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  if (value->is_number_unsigned() &&
      value->get<std::uint64_t>() <= static_cast<std::uint64_t>(kMax)) {
    return static_cast<std::int64_t>(value->get<std::uint64_t>());
  }
  if (value->is_number_integer() && !value->is_number_unsigned()) {
    return value->get<std::int64_t>();
  }
  if (value->is_number_float()) {
    const double number = value->get<double>();
    // 2^53: beyond it a double no longer tells neighbouring integers apart.
    if (std::abs(number) <= 9007199254740992.0 && std::nearbyint(number) == number) {
      return static_cast<std::int64_t>(number);
    }
  }
  throw wrong_type(where_, key, "an integer", *value);
}

std::optional<double> JsonConfig::number(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) throw wrong_type(where_, key, "a number", *value);
  return value->get<double>();
}

std::optional<bool> JsonConfig::boolean(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) throw wrong_type(where_, key, "true or false", *value);
  return value->get<bool>();
}

std::optional<std::string> JsonConfig::string(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) throw wrong_type(where_, key, "a string", *value);
  return value->get<std::string>();
}

std::optional<std::vector<std::string>> JsonConfig::strings(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return std::vector<std::string>{value->get<std::string>()};
  if (!value->is_array()) throw wrong_type(where_, key, "a list of strings", *value);
  std::vector<std::string> out;
  for (const json& item : *value) {
    if (!item.is_string()) throw wrong_type(where_, key, "a list of strings", *value);
    out.push_back(item.get<std::string>());
  }
  return out;
}

std::vector<std::string> JsonConfig::members(std::string_view path) const {
  const json* object = path.empty() ? document_.get() : find(path);
  std::vector<std::string> out;
  if (object == nullptr || !object->is_object()) return out;
  for (const auto& [name, value] : object->items()) {
    if (!value.is_null()) out.push_back(name);
  }
  return out;
}

std::string JsonConfig::text(std::string_view key) const {
  const json* value = find(key);
  return value == nullptr ? "" : short_text(*value);
}

}  // namespace embedtool
