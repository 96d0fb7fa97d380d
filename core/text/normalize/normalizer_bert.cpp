#include "core/text/normalize/normalizer.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

constexpr char kDropped = '\x80';  // no ASCII character maps to it

/// Marks that survive accent stripping, waiting to be put in canonical order before the next
/// starter. Runs that people write stay out of the heap.
class PendingMarks {
 public:
  bool empty() const { return size_ == 0; }

  void add(char32_t c, std::uint8_t combining_class) {
    if (size_ < few_.size()) {
      few_[size_] = {combining_class, c};
    } else {
      if (size_ == few_.size()) many_.assign(few_.begin(), few_.end());
      many_.emplace_back(combining_class, c);
    }
    ++size_;
  }

  template <typename Emit>
  void flush(Emit&& emit) {
    if (size_ > 1) std::stable_sort(data(), data() + size_, by_class);
    for (std::size_t i = 0; i < size_; ++i) emit(data()[i].second);
    size_ = 0;
    many_.clear();
  }

 private:
  using Mark = std::pair<std::uint8_t, char32_t>;
  static bool by_class(const Mark& a, const Mark& b) { return a.first < b.first; }
  Mark* data() { return many_.empty() ? few_.data() : many_.data(); }

  std::array<Mark, 8> few_;
  std::vector<Mark> many_;  // all of them, once they are more than a few
  std::size_t size_ = 0;
};

// The reference takes four passes: clean, set ideographs apart, strip accents (NFD without Mn),
// lower-case. All but the canonical order of marks look at one character alone, so one pass does.
class BertNormalizer : public NormalizerPart {
 public:
  explicit BertNormalizer(const BertNormalizerSpec& spec)
      : spec_(spec), strip_accents_(spec.strip_accents.value_or(spec.lowercase)) {
    for (std::size_t i = 0; i < ascii_.size(); ++i) {
      const auto c = static_cast<char32_t>(i);
      char mapped = static_cast<char>(i);
      if (spec.lowercase && c >= 'A' && c <= 'Z') mapped = static_cast<char>(c - 'A' + 'a');
      if (spec.clean_text && unicode::is_whitespace(c)) mapped = ' ';
      if (spec.clean_text && unicode::is_control(c)) mapped = kDropped;
      ascii_[i] = mapped;
    }
  }

  void normalize(std::string_view text, TextEdges, NormalizerScratch&,
                 std::string& out) const override;

  CutRule cuts() const override { return {true, true, true, spec_.handle_chinese_chars}; }

 private:
  std::size_t add_ascii_run(std::string_view text, std::size_t at, std::string& out) const;
  void add(char32_t c, PendingMarks& pending, std::string& out) const;
  void strip_and_add(char32_t c, PendingMarks& pending, std::string& out) const;
  void add_cased(char32_t c, std::string& out) const {
    if (spec_.lowercase) {
      unicode::append_lowercase(c, out);
    } else {
      unicode::append(c, out);
    }
  }

  BertNormalizerSpec spec_;
  bool strip_accents_;
  std::array<char, 128> ascii_;
};

void BertNormalizer::normalize(std::string_view text, TextEdges, NormalizerScratch&,
                               std::string& out) const {
  PendingMarks pending;
  std::size_t at = 0;
  while (at < text.size()) {
    if (pending.empty()) at = add_ascii_run(text, at, out);
    if (at == text.size()) break;
    const unicode::Decoded decoded = unicode::decode(text, at);
    at += decoded.length;
    add(decoded.code_point, pending, out);
  }
  pending.flush([&](char32_t c) { add_cased(c, out); });
}

std::size_t BertNormalizer::add_ascii_run(std::string_view text, std::size_t at,
                                          std::string& out) const {
  std::size_t end = at;
  while (end < text.size() && unicode::is_ascii(text[end])) ++end;
  std::size_t size = out.size();
  out.resize(size + (end - at));
  for (; at < end; ++at) {
    const char mapped = ascii_[static_cast<unsigned char>(text[at])];
    out[size] = mapped;
    size += mapped != kDropped ? 1 : 0;
  }
  out.resize(size);
  return end;
}

void BertNormalizer::add(char32_t c, PendingMarks& pending, std::string& out) const {
  if (spec_.clean_text) {
    if (c == 0 || c == unicode::kReplacement || unicode::is_control(c)) return;
    if (unicode::is_whitespace(c)) c = ' ';
  }
  const bool apart = spec_.handle_chinese_chars && unicode::is_cjk_ideograph(c);
  if (apart) pending.flush([&](char32_t mark) { add_cased(mark, out); });
  if (apart) out.push_back(' ');
  if (strip_accents_) {
    strip_and_add(c, pending, out);
  } else {
    add_cased(c, out);
  }
  if (apart) out.push_back(' ');
}

void BertNormalizer::strip_and_add(char32_t c, PendingMarks& pending, std::string& out) const {
  const unicode::Decomposition parts = unicode::decompose(c, unicode::DecompositionKind::canonical);
  for (std::size_t i = 0; i < parts.size; ++i) {
    const char32_t part = parts.code_points[i];
    const std::uint8_t combining_class = unicode::combining_class(part);
    if (combining_class == 0 && !pending.empty()) {
      pending.flush([&](char32_t mark) { add_cased(mark, out); });
    }
    if (unicode::is_nonspacing_mark(part)) continue;
    if (combining_class == 0) {
      add_cased(part, out);
    } else {
      pending.add(part, combining_class);
    }
  }
}

}  // namespace

std::unique_ptr<NormalizerPart> make_bert_normalizer(const BertNormalizerSpec& spec) {
  return std::make_unique<BertNormalizer>(spec);
}

}  // namespace embedtool
