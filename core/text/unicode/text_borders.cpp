#include "core/text/unicode/text_borders.hpp"

#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>

#include <algorithm>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/text/unicode/unicode.hpp"

namespace embedtool::unicode {
namespace {

/// A border this near is reached by stepping; ICU needs a few characters before a place to begin
/// anew there.
constexpr std::size_t kNear = 1024;
/// Borders kept before those that are not needed are dropped.
constexpr std::size_t kKept = 4096;

constexpr char32_t kJoiner = 0x200D;

void require(UErrorCode status, const char* what) {
  if (U_SUCCESS(status)) return;
  throw Error(ExitCode::failed, "ICU cannot {}: {}; install its data (libicu)", what,
              u_errorName(status));
}

}  // namespace

struct BorderFinder::Icu {
  explicit Icu(TextUnit unit) {
    UErrorCode status = U_ZERO_ERROR;
    const UBreakIteratorType type = unit == TextUnit::sentence ? UBRK_SENTENCE : UBRK_WORD;
    iterator = ubrk_open(type, "", nullptr, 0, &status);
    require(status, "open its rules for sentences and words");
  }
  ~Icu() {
    ubrk_close(iterator);
    utext_close(&text);
  }
  Icu(const Icu&) = delete;
  Icu& operator=(const Icu&) = delete;

  UBreakIterator* iterator = nullptr;
  UText text = UTEXT_INITIALIZER;
};

BorderFinder::BorderFinder(TextUnit unit) : icu_(std::make_unique<Icu>(unit)) {}
BorderFinder::~BorderFinder() = default;

void BorderFinder::start(std::string_view text) {
  EMBEDTOOL_CHECK(text.size() <= kMostBytes);
  text_ = text;
  from_ = 0;
  known_.clear();
  UErrorCode status = U_ZERO_ERROR;
  utext_openUTF8(&icu_->text, text.data(), static_cast<std::int64_t>(text.size()), &status);
  ubrk_setUText(icu_->iterator, &icu_->text, &status);
  require(status, "read a text");
}

/// The iterator's next border that divides no cluster.
std::size_t BorderFinder::next() {
  for (;;) {
    const std::int32_t at = ubrk_next(icu_->iterator);
    if (at == UBRK_DONE) return text_.size();
    const auto border = static_cast<std::size_t>(at);
    if (is_cluster_border(text_, border)) return border;
  }
}

std::size_t BorderFinder::after(std::size_t at) {
  EMBEDTOOL_CHECK(at < text_.size());
  const std::size_t last = known_.empty() ? from_ : known_.back();
  if (at < from_ || at > last + kNear) {
    // ubrk_following() is exact wherever it begins, and so are the steps from there.
    known_.clear();
    from_ = at;
    const std::int32_t first = ubrk_following(icu_->iterator, static_cast<std::int32_t>(at));
    const std::size_t border = first == UBRK_DONE ? text_.size() : static_cast<std::size_t>(first);
    known_.push_back(is_cluster_border(text_, border) ? border : next());
  }
  while (known_.empty() || known_.back() <= at) known_.push_back(next());
  return *std::upper_bound(known_.begin(), known_.end(), at);
}

void BorderFinder::forget_before(std::size_t at) {
  if (known_.size() < kKept || at <= from_) return;
  // The last one stays: it is where the iterator is.
  const auto needed = std::upper_bound(known_.begin(), known_.end() - 1, at);
  known_.erase(known_.begin(), needed);
  from_ = std::min(at, known_.front());
}

bool is_cluster_border(std::string_view text, std::size_t at) {
  if (at == 0 || at >= text.size()) return true;
  const char32_t before = decode_before(text, at).code_point;
  const char32_t after = decode(text, at).code_point;
  if (before == kJoiner) return false;  // an emoji may go on
  std::int32_t state = 0;
  return grapheme_ends(before, after, state);
}

std::string border_rules_version() {
  UVersionInfo version{};
  u_getUnicodeVersion(version);
  return fmt::format("{}.{}", version[0], version[1]);
}

}  // namespace embedtool::unicode
