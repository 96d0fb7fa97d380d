#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/tokenizer_spec.hpp"
#include "core/text/unicode/text_cut.hpp"

namespace embedtool {

struct TextSpan {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// A pattern to search for in texts. Immutable, hence thread-safe.
class Pattern {
 public:
  virtual ~Pattern() = default;
  /// Appends the matches in `text`, leftmost first, none overlapping. Throws Error(model) if a
  /// regular expression needs more work than the limit allows.
  virtual void find_all(std::string_view text, std::vector<TextSpan>& matches) const = 0;
  /// Cuts that fall inside no match of the whole text and change no match next to them.
  virtual CutRule cuts() const = 0;
  /// Whether every match consists of white space alone.
  virtual bool only_space() const = 0;
  /// If matches are words: whether no word has a space after its first character.
  virtual bool ends_at_blanks() const { return false; }
};

/// A hand-written scanner if the expression is one that published models use, else a PCRE2 one.
/// Throws Error(model), its message prefixed with `where`, for an invalid expression.
std::unique_ptr<Pattern> make_pattern(const PatternSpec& spec, const std::string& where);

/// GPT-2's expression, which ByteLevel includes.
std::unique_ptr<Pattern> make_gpt2_pattern();

/// The scanner of a known expression, or null.
std::unique_ptr<Pattern> find_known_pattern(std::string_view regex);

/// Any expression, by PCRE2.
std::unique_ptr<Pattern> make_regex_pattern(const std::string& regex, const std::string& where);

}  // namespace embedtool
