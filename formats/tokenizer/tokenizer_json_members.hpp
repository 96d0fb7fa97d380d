#pragma once

// Internal to the reader of tokenizer.json: access to its objects.

#include <simdjson.h>

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/error.hpp"
#include "core/text/tokenizer_spec.hpp"

namespace embedtool::tokenizer_json {

namespace dom = simdjson::dom;

/// Reads members of one JSON object, with errors that say where they are.
class Members {
 public:
  Members(dom::object object, std::string path, const std::string& where)
      : object_(object), path_(std::move(path)), where_(where) {}

  const std::string& path() const { return path_; }

  /// The member, or nothing if it is absent or null.
  std::optional<dom::element> find(std::string_view key) const {
    dom::element value;
    if (object_[key].get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
    return value;
  }

  template <typename T>
  T get(std::string_view key) const {
    const auto value = find(key);
    T result{};
    if (!value || value->get(result) != simdjson::SUCCESS) {
      fail("'{}' is missing or of the wrong type", key);
    }
    return result;
  }

  template <typename T>
  T get_or(std::string_view key, T fallback) const {
    return find(key) ? get<T>(key) : fallback;
  }

  std::string text(std::string_view key, std::string_view fallback) const {
    return std::string(get_or<std::string_view>(key, fallback));
  }

  TokenId id(std::string_view key) const { return checked_id(get<dom::element>(key), key); }

  TokenId checked_id(dom::element value, std::string_view what) const {
    std::uint64_t id = 0;
    if (value.get(id) != simdjson::SUCCESS ||
        id >= static_cast<std::uint64_t>(std::numeric_limits<TokenId>::max())) {
      fail("the id of '{}' is not a number from 0 to 2147483646", what);
    }
    return static_cast<TokenId>(id);
  }

  /// The object at `key`; nothing if it is absent or null.
  std::optional<Members> inner(std::string_view key) const {
    const auto value = find(key);
    if (!value) return std::nullopt;
    dom::object object;
    const std::string path = path_.empty() ? std::string(key) : path_ + "." + std::string(key);
    if (value->get(object) != simdjson::SUCCESS) fail("'{}' is not an object", key);
    return Members(object, path, where_);
  }

  Members of(dom::element element, std::string_view what) const {
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) fail("{} is not an object", what);
    return Members(object, path_, where_);
  }

  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw Error(ExitCode::model, "{}: {}{}{}", where_, path_, path_.empty() ? "" : ": ",
                fmt::format(format, std::forward<Args>(args)...));
  }

  [[noreturn]] void fail_unknown(std::string_view type) const {
    fail("'{}' is not supported; ids would be wrong without it", type);
  }

 private:
  dom::object object_;
  std::string path_;
  const std::string& where_;
};

/// A list of components of one kind, flattened: Sequences may nest, but not deeply.
constexpr int kMaxNesting = 16;

NormalizerSpec read_normalizer(const Members& root);
PreTokenizerSpec read_pre_tokenizer(const Members& root);
TokenModelSpec read_model(const Members& model);

}  // namespace embedtool::tokenizer_json
