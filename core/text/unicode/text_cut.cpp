#include "core/text/unicode/text_cut.hpp"

#include "core/base/check.hpp"
#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

bool permits(std::string_view text, std::size_t at, CutRule rule) {
  const char next = text[at];
  if (next == ' ') return rule.before_blank;
  if (next == '\n' || next == '\t' || next == '\r') return rule.before_break;
  if (unicode::is_ascii(next)) {
    return rule.before_punctuation && unicode::is_punctuation(static_cast<char32_t>(next));
  }
  return rule.before_ideograph && unicode::is_cjk_ideograph(unicode::decode(text, at).code_point);
}

}  // namespace

bool may_cut(std::string_view text, std::size_t at, CutRule rule) {
  EMBEDTOOL_CHECK(at > 0 && at < text.size());
  if (!permits(text, at, rule)) return false;
  const char32_t before = unicode::decode_before(text, at).code_point;
  // Letters that make one grapheme of themselves and what follows are no good place either.
  return (unicode::is_letter(before) || unicode::is_number(before)) && !unicode::prepends(before);
}

std::size_t find_cut(std::string_view text, std::size_t begin, std::size_t target, CutRule rule) {
  EMBEDTOOL_CHECK(begin <= text.size());
  if (text.size() - begin <= target || !rule.any()) return text.size();
  const std::size_t wanted = begin + target;
  for (std::size_t at = wanted; at > begin; --at) {
    if (may_cut(text, at, rule)) return at;
  }
  for (std::size_t at = wanted + 1; at < text.size(); ++at) {
    if (may_cut(text, at, rule)) return at;
  }
  return text.size();
}

}  // namespace embedtool
