#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/split/pre_tokenizer_parts.hpp"
#include "core/text/tokenizer_spec.hpp"
#include "core/text/unicode/text_cut.hpp"

namespace embedtool {

/// Splits normalized text into words, each of which the model segments separately; every component
/// splits the words of the previous one further. Immutable, hence thread-safe.
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
