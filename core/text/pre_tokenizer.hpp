#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/pattern.hpp"
#include "core/text/text_cut.hpp"
#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

/// A part of a text that is cut by itself; `first` where it begins the whole text.
struct TextPart {
  std::string_view text;
  bool first = false;
};

/// What one component of a pre-tokenizer makes of some parts. Parts view the text that came in, or
/// `rewritten`.
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
  /// Cuts at which splitting the halves equals splitting the whole, but for the word that is cut in
  /// two where ends_at_blanks() is false. `before_ideograph` may rely on the normalizer's promise
  /// of a blank.
  virtual CutRule cuts() const = 0;
  /// Whether the text before a permitted cut and the text after it never share a word.
  virtual bool ends_at_blanks() const = 0;
};

/// Cuts normalized text into words, each of which the model segments by itself; every component
/// cuts the words of the one before further. Immutable, hence thread-safe.
class PreTokenizer {
 public:
  /// Throws Error(model), its message headed by `where`, for an expression that is not valid.
  PreTokenizer(const PreTokenizerSpec& spec, const std::string& where);

  /// The words of `text`, valid until the next call with `scratch`.
  std::span<const TextPart> split(TextPart text, PreTokenizerScratch& scratch) const;
  CutRule cuts() const;
  bool ends_at_blanks() const;

 private:
  std::vector<std::unique_ptr<PreTokenizerPart>> parts_;
};

}  // namespace embedtool
