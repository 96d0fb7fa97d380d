#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/text/text_cut.hpp"
#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

/// Rewrites text before it is cut into words. Immutable, hence thread-safe.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  /// Appends the normal form of `text` to `out`. Bytes that are not UTF-8 read as U+FFFD.
  virtual void normalize(std::string_view text, std::string& out) const = 0;
  /// Cuts of the raw text at which normalizing the halves equals normalizing the whole.
  /// `before_ideograph` promises in addition that a blank then precedes the ideograph.
  virtual CutRule cuts() const = 0;
};

/// Nothing where the spec is empty: the text is its own normal form.
std::unique_ptr<Normalizer> make_normalizer(const NormalizerSpec& spec);

}  // namespace embedtool
