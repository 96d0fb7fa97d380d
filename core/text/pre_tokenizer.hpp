#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/text/text_cut.hpp"
#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

/// Cuts normalized text into words, each of which the model segments by itself. Immutable, hence
/// thread-safe.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  /// Appends the words of `text` in order; they view `text`. None is empty.
  virtual void split(std::string_view text, std::vector<std::string_view>& words) const = 0;
  /// Cuts at which splitting the halves equals splitting the whole. `before_ideograph` may rely on
  /// the normalizer's promise of a blank.
  virtual CutRule cuts() const = 0;
};

/// Nothing where the spec is empty: the text is one word.
std::unique_ptr<PreTokenizer> make_pre_tokenizer(const PreTokenizerSpec& spec);

}  // namespace embedtool
