#pragma once

#include <cstddef>
#include <string_view>

namespace embedtool {

/// Where a text may be cut in two so that tokenizing the halves one after the other gives the ids
/// of the whole. Each stage of a tokenizer states the cuts that it allows; only those that all
/// stages allow are used. A cut is just before a character of the named kind and just after a
/// letter or a number that no stage turns into white space or drops.
struct CutRule {
  bool before_blank = false;        ///< U+0020
  bool before_break = false;        ///< tab, line feed, carriage return
  bool before_punctuation = false;  ///< ASCII punctuation
  bool before_ideograph = false;    ///< unicode::is_cjk_ideograph()

  static constexpr CutRule everywhere() { return {true, true, true, true}; }
  static constexpr CutRule at_blanks() { return {true, false, false, false}; }
  bool any() const {
    return before_blank || before_break || before_punctuation || before_ideograph;
  }

  friend CutRule operator&(CutRule a, CutRule b) {
    return {a.before_blank && b.before_blank, a.before_break && b.before_break,
            a.before_punctuation && b.before_punctuation, a.before_ideograph && b.before_ideograph};
  }
};

/// Whether `text` may be cut before `text[at]`, 0 < at < text.size().
bool may_cut(std::string_view text, std::size_t at, CutRule rule);

/// An end for the piece of `text` that starts at `begin`: a permitted cut of at most
/// `begin + target` bytes, or else the first one after that, or else the end of the text.
std::size_t find_cut(std::string_view text, std::size_t begin, std::size_t target, CutRule rule);

}  // namespace embedtool
