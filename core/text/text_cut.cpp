#include "core/text/text_cut.hpp"

#include "core/text/unicode.hpp"

namespace embedtool {

bool may_cut(std::string_view text, std::size_t at, CutRule rule) {
  const char next = text[at];
  if (next == ' ' || next == '\n' || next == '\t' || next == '\r') {
    if (!rule.before_space) return false;
  } else if (unicode::is_ascii(next)) {
    if (!rule.before_punctuation || !unicode::is_punctuation(static_cast<char32_t>(next))) {
      return false;
    }
  } else if (!rule.before_ideograph ||
             !unicode::is_cjk_ideograph(unicode::decode(text, at).code_point)) {
    return false;
  }
  return !unicode::is_whitespace(unicode::decode_before(text, at).code_point);
}

std::size_t find_cut(std::string_view text, std::size_t begin, std::size_t target, CutRule rule) {
  if (text.size() - begin <= target) return text.size();
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
