#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/split/pattern.hpp"
#include "core/text/tokenizer_spec.hpp"
#include "core/text/unicode/text_cut.hpp"

namespace embedtool {

/// A part of a text that is split separately; `first` if it begins the whole text.
struct TextPart {
  std::string_view text;
  bool first = false;
};

/// The result of one component of a pre-tokenizer. Parts view the input text or `rewritten`.
struct PreTokenizerScratch {
  std::vector<TextPart> parts;
  std::vector<TextPart> next;
  std::vector<TextSpan> matches;
  std::vector<std::string> rewritten;  ///< one per component that rewrites
};

/// One component of a pre-tokenizer. Immutable, hence thread-safe.
class PreTokenizerPart {
 public:
  virtual ~PreTokenizerPart() = default;
  /// Appends the words of `part` to `scratch.next`, in order and none empty. A component that
  /// rewrites appends to `rewritten`, which has rewritten_bytes() of room left for this part.
  virtual void split(TextPart part, PreTokenizerScratch& scratch, std::string& rewritten) const = 0;
  virtual std::size_t rewritten_bytes(TextPart) const { return 0; }
  /// Cuts at which splitting the halves equals splitting the whole, except for the word that is cut
  /// in two if ends_at_blanks() is false. `before_ideograph` may rely on the normalizer's promise
  /// of a space.
  virtual CutRule cuts() const = 0;
  /// Whether the text before a permitted cut and the text after it never share a word.
  virtual bool ends_at_blanks() const = 0;
};

// Factories of components that split a text at matches.

std::unique_ptr<PreTokenizerPart> make_byte_level(const ByteLevelSpec& spec);
std::unique_ptr<PreTokenizerPart> make_pattern_split(const SplitSpec& spec,
                                                     const std::string& where);
std::unique_ptr<PreTokenizerPart> make_character_split(const WhitespaceSplitSpec& spec);
std::unique_ptr<PreTokenizerPart> make_character_split(const WhitespaceSpec& spec);
std::unique_ptr<PreTokenizerPart> make_character_split(const PunctuationSpec& spec);
std::unique_ptr<PreTokenizerPart> make_character_split(const DigitsSpec& spec);
std::unique_ptr<PreTokenizerPart> make_character_split(const DelimiterSpec& spec);

}  // namespace embedtool
