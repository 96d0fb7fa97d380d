#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/base/error.hpp"

namespace embedtool {

/// One enumerator and the word that flags, manifests, reports and messages use for it.
template <typename E>
struct EnumWord {
  E value;
  std::string_view word;
};

/// The words of an enumeration, listed once, beside it:
///   template <> inline constexpr auto enum_words<Compute> = std::to_array<EnumWord<Compute>>({…});
/// Parsers, help, manifests and reports all read this list. Several words may stand for one value;
/// the first is the one that is written.
template <typename E>
inline constexpr bool enum_words = false;

template <typename E>
concept HasWords = !std::same_as<std::remove_cv_t<decltype(enum_words<E>)>, bool>;

/// The word for a value; "?" for a value that no enumerator has.
template <HasWords E>
constexpr std::string_view name_of(E value) {
  for (const EnumWord<E>& entry : enum_words<E>) {
    if (entry.value == value) return entry.word;
  }
  return "?";
}

/// The value that a word stands for, if any.
template <HasWords E>
constexpr std::optional<E> find_named(std::string_view word) {
  for (const EnumWord<E>& entry : enum_words<E>) {
    if (entry.word == word) return entry.value;
  }
  return std::nullopt;
}

/// Every value's word, in the order of the list.
template <HasWords E>
std::vector<std::string> all_words() {
  std::vector<std::string> words;
  for (const EnumWord<E>& entry : enum_words<E>) {
    if (name_of(entry.value) == entry.word) words.emplace_back(entry.word);
  }
  return words;
}

/// "a, b, c": every value's word, for messages.
template <HasWords E>
std::string word_list() {
  std::string list;
  for (const std::string& word : all_words<E>()) list += (list.empty() ? "" : ", ") + word;
  return list;
}

/// The value that a word stands for. Throws Error(code) that names `what` and lists the words.
template <HasWords E>
E parse_named(std::string_view word, std::string_view what, ExitCode code = ExitCode::usage) {
  if (const std::optional<E> found = find_named<E>(word)) return *found;
  throw Error(code, "{} \"{}\" is not one of {}", what, word, word_list<E>());
}

}  // namespace embedtool
