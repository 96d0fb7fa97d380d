#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/split/pattern.hpp"
#include "core/text/tokenizer_spec.hpp"
#include "core/text/unicode/text_cut.hpp"

namespace embedtool {

/// Whether the ends of a piece are ends of the whole text being normalized.
struct TextEdges {
  bool first = true;
  bool last = true;
};

/// Buffers of a call, recycled; one per thread.
struct NormalizerScratch {
  std::string texts[2];
  std::vector<char32_t> code_points;
  std::vector<TextSpan> matches;
};

/// One component of a normalizer. Immutable, hence thread-safe.
class NormalizerPart {
 public:
  virtual ~NormalizerPart() = default;
  /// Appends the normal form of `text` to `out`. Bytes that are not UTF-8 may read as U+FFFD.
  virtual void normalize(std::string_view text, TextEdges edges, NormalizerScratch& scratch,
                         std::string& out) const = 0;
  /// Places where the text may be cut so that normalizing the halves equals normalizing the whole.
  /// `before_ideograph` also promises that a space then precedes the ideograph.
  virtual CutRule cuts() const = 0;
};

/// Rewrites text before it is split into words, component by component. Immutable, hence
/// thread-safe.
class Normalizer {
 public:
  /// Throws Error(model), its message headed by `where`, for parts that are damaged.
  Normalizer(NormalizerSpec spec, const std::string& where);

  /// The normal form of `text`. The result views `text` if nothing changes, else `scratch`.
  std::string_view normalize(std::string_view text, TextEdges edges,
                             NormalizerScratch& scratch) const;
  CutRule cuts() const;

 private:
  std::vector<std::unique_ptr<NormalizerPart>> parts_;
};

std::unique_ptr<NormalizerPart> make_bert_normalizer(const BertNormalizerSpec& spec);
std::unique_ptr<NormalizerPart> make_unicode_form(const UnicodeFormSpec& spec);
/// Drops or rewrites single characters.
std::unique_ptr<NormalizerPart> make_character_rule(const LowercaseSpec& spec);
std::unique_ptr<NormalizerPart> make_character_rule(const StripAccentsSpec& spec);
std::unique_ptr<NormalizerPart> make_character_rule(const NmtSpec& spec);
/// Throws Error(model) for a damaged charsmap.
std::unique_ptr<NormalizerPart> make_charsmap_normalizer(PrecompiledSpec spec,
                                                         const std::string& where);

}  // namespace embedtool
