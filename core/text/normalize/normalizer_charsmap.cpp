// The "precompiled charsmap" of a sentencepiece model, applied as the reference does: to a whole
// grapheme of fewer than six bytes where some beginning of it has a rule, else to its characters
// one by one. That is not how sentencepiece itself applies it, but what the models' ids came from.
#include <cstring>
#include <utility>

#include "core/base/error.hpp"
#include "core/text/normalize/charsmap.hpp"
#include "core/text/normalize/normalizer.hpp"
#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kMaxGraphemeBytes = 5;

/// A checked charsmap (see charsmap_fault()).
class Charsmap {
 public:
  explicit Charsmap(std::string blob) : blob_(std::move(blob)) {
    if (blob_.empty()) return;
    std::uint32_t trie_bytes = 0;
    std::memcpy(&trie_bytes, blob_.data(), sizeof trie_bytes);
    units_.resize(trie_bytes / 4);
    std::memcpy(units_.data(), blob_.data() + 4, units_.size() * 4);
    pool_ = std::string_view(blob_).substr(4 + trie_bytes);
  }
  Charsmap(const Charsmap&) = delete;  // pool_ views blob_
  Charsmap& operator=(const Charsmap&) = delete;

  /// The replacement that the shortest beginning of `text` with a rule has; null data() without.
  std::string_view find(std::string_view text) const {
    if (units_.empty()) return {};
    std::size_t base = units_[0].base(0);
    for (const char byte : text) {
      const auto c = static_cast<unsigned char>(byte);
      if (c == 0) return {};
      const std::size_t child = base ^ c;
      const DartsUnit unit = units_[child];
      if (!unit.has_label(c)) return {};
      base = unit.base(child);
      if (unit.has_leaf()) return replacement(units_[base].value());
    }
    return {};
  }

 private:
  std::string_view replacement(std::size_t at) const {
    return pool_.substr(at, pool_.find('\0', at) - at);
  }

  std::string blob_;
  std::vector<DartsUnit> units_;
  std::string_view pool_;
};

class CharsmapNormalizer : public NormalizerPart {
 public:
  explicit CharsmapNormalizer(std::string blob) : map_(std::move(blob)) {
    for (std::size_t c = 0; c < 128; ++c) {
      const char byte = static_cast<char>(c);
      plain_[c] = byte != '\r' && map_.find({&byte, 1}).data() == nullptr;
    }
  }

  void normalize(std::string_view text, TextEdges, NormalizerScratch&,
                 std::string& out) const override {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t plain = plain_end(text, at);
      out.append(text.substr(at, plain - at));
      if (plain == text.size()) break;
      at = add_grapheme(text, plain, out);
    }
  }
  CutRule cuts() const override { return {true, true, true, false}; }

 private:
  // The end of the ASCII characters without a rule that are graphemes by themselves: the last
  // before another character may be the beginning of one.
  std::size_t plain_end(std::string_view text, std::size_t at) const {
    while (at < text.size() && unicode::is_ascii(text[at]) &&
           plain_[static_cast<unsigned char>(text[at])] &&
           (at + 1 == text.size() || unicode::is_ascii(text[at + 1]))) {
      ++at;
    }
    return at;
  }

  std::size_t add_grapheme(std::string_view text, std::size_t at, std::string& out) const {
    const std::size_t end = grapheme_end(text, at);
    if (end - at <= kMaxGraphemeBytes) {
      const std::string_view whole = map_.find(text.substr(at, end - at));
      if (whole.data() != nullptr) {
        out.append(whole);
        return end;
      }
    }
    while (at < end) {
      const unicode::Decoded decoded = unicode::decode(text, at);
      const std::string_view part = text.substr(at, decoded.length);
      const std::string_view mapped = map_.find(part);
      out.append(mapped.data() != nullptr ? mapped : part);
      at += decoded.length;
    }
    return end;
  }

  static std::size_t grapheme_end(std::string_view text, std::size_t at) {
    std::int32_t state = 0;
    unicode::Decoded last = unicode::decode(text, at);
    for (at += last.length; at < text.size();) {
      const unicode::Decoded next = unicode::decode(text, at);
      if (unicode::grapheme_ends(last.code_point, next.code_point, state)) break;
      last = next;
      at += next.length;
    }
    return at;
  }

  Charsmap map_;
  bool plain_[128] = {};
};

}  // namespace

std::unique_ptr<NormalizerPart> make_charsmap_normalizer(PrecompiledSpec spec,
                                                         const std::string& where) {
  const std::string fault = charsmap_fault(spec.charsmap);
  if (!fault.empty()) {
    throw Error(ExitCode::model, "{}: normalizer: the precompiled charsmap is damaged: {}", where,
                fault);
  }
  return std::make_unique<CharsmapNormalizer>(std::move(spec.charsmap));
}

}  // namespace embedtool
