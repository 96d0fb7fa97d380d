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

/// Something that is looked for in texts. Immutable, hence thread-safe.
class Pattern {
 public:
  virtual ~Pattern() = default;
  /// Appends the matches in `text`, leftmost first, none overlapping. Throws Error(model) where a
  /// regular expression asks for more work than any text is worth.
  virtual void find_all(std::string_view text, std::vector<TextSpan>& matches) const = 0;
  /// Cuts that fall into no match of the whole text and change none beside them.
  virtual CutRule cuts() const = 0;
  /// Whether every match consists of white space alone.
  virtual bool only_space() const = 0;
  /// Whether a word can hold no blank beyond its first character when matches are words.
  virtual bool ends_at_blanks() const { return false; }
};

/// A hand-written scanner where the expression is one of those that published models use, else one
/// of PCRE2. `where` heads the message of the Error(model) for an expression that is not valid.
std::unique_ptr<Pattern> make_pattern(const PatternSpec& spec, const std::string& where);

/// GPT-2's expression, which ByteLevel brings along.
std::unique_ptr<Pattern> make_gpt2_pattern();

/// The scanner of a known expression, or null.
std::unique_ptr<Pattern> find_known_pattern(std::string_view regex);

/// Any expression, by PCRE2.
std::unique_ptr<Pattern> make_regex_pattern(const std::string& regex, const std::string& where);

}  // namespace embedtool
