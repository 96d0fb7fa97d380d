#include "core/text/unicode.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

namespace embedtool::unicode {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// The reference tokenizer reads general categories from tables of Unicode 8. What became a mark,
// punctuation or format control later is an ordinary character to it, and the models' ids follow.
// Derived by running the reference over every code point; gaps without such characters are
// bridged. tests/interop/tokenizers.sh does that comparison again.
constexpr Range kOrdinaryInUnicode8[] = {
    {0x61D, 0x61D},     {0x7FD, 0x7FD},     {0x890, 0x8E2},     {0x9FD, 0x9FE},
    {0xA76, 0xA76},     {0xAFA, 0xAFF},     {0xB55, 0xB55},     {0xC04, 0xC3C},
    {0xC77, 0xC77},     {0xC84, 0xC84},     {0xD00, 0xD00},     {0xD3B, 0xD3C},
    {0xD81, 0xD81},     {0xEBA, 0xEBA},     {0xECE, 0xECE},     {0x180F, 0x1886},
    {0x1ABF, 0x1ACE},   {0x1B7D, 0x1B7E},   {0x1DF6, 0x1DFB},   {0x2E43, 0x2E5D},
    {0xA82C, 0xA82C},   {0xA8C5, 0xA8C5},   {0xA8FF, 0xA8FF},   {0xA9BD, 0xA9BD},
    {0x10D24, 0x10F89}, {0x11070, 0x11074}, {0x110C2, 0x110CD}, {0x111CF, 0x111CF},
    {0x1123E, 0x11241}, {0x1133B, 0x1133B}, {0x11438, 0x1145E}, {0x11660, 0x1166C},
    {0x116B9, 0x116B9}, {0x1182F, 0x11FFF}, {0x12FF1, 0x12FF2}, {0x13430, 0x13455},
    {0x16E97, 0x16F4F}, {0x16FE2, 0x16FE4}, {0x1CF00, 0x1CF46}, {0x1E000, 0x1E4EF},
    {0x1E944, 0x1E95F}};

enum class Class : std::uint8_t { other, punctuation, control, nonspacing_mark };

Class class_of_category(utf8proc_category_t category) {
  switch (category) {
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return Class::punctuation;
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CO:
      return Class::control;
    case UTF8PROC_CATEGORY_MN:
      return Class::nonspacing_mark;
    default:
      return Class::other;
  }
}

utf8proc_int32_t to_utf8proc(char32_t c) {
  return static_cast<utf8proc_int32_t>(c);
}

Class class_of(char32_t c) {
  // Three that Unicode has moved to another class since.
  if (c == 0x166D || c == 0x111C9) return Class::punctuation;
  if (c == 0x1734) return Class::nonspacing_mark;
  const Class now = class_of_category(utf8proc_category(to_utf8proc(c)));
  if (now == Class::other) return now;
  const Range* after =
      std::upper_bound(std::begin(kOrdinaryInUnicode8), std::end(kOrdinaryInUnicode8), c,
                       [](char32_t x, const Range& r) { return x < r.first; });
  const bool ordinary = after != std::begin(kOrdinaryInUnicode8) && c <= std::prev(after)->last;
  return ordinary ? Class::other : now;
}

bool within(char32_t c, char32_t first, char32_t last) {
  return c >= first && c <= last;
}

}  // namespace

Decoded decode(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const std::size_t left = text.size() - at;
  const auto continues = [&](std::size_t i) { return i < left && (byte(i) & 0xC0U) == 0x80U; };
  const std::uint32_t b0 = byte(0);
  if (b0 < 0x80) return {b0, 1};
  if (b0 >= 0xC2 && b0 < 0xE0 && continues(1)) {
    return {(b0 & 0x1FU) << 6 | (byte(1) & 0x3FU), 2};
  }
  if (b0 >= 0xE0 && b0 < 0xF0 && continues(1) && continues(2)) {
    const char32_t c = (b0 & 0x0FU) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU);
    if (c >= 0x800 && !within(c, 0xD800, 0xDFFF)) return {c, 3};
  }
  if (b0 >= 0xF0 && b0 < 0xF5 && continues(1) && continues(2) && continues(3)) {
    const char32_t c =
        (b0 & 0x07U) << 18 | (byte(1) & 0x3FU) << 12 | (byte(2) & 0x3FU) << 6 | (byte(3) & 0x3FU);
    if (within(c, 0x10000, 0x10FFFF)) return {c, 4};
  }
  return {};
}

Decoded decode_before(std::string_view text, std::size_t at) {
  for (std::size_t length = 1; length <= 4 && length <= at; ++length) {
    const Decoded decoded = decode(text.substr(0, at), at - length);
    if (decoded.length == length && (length > 1 || decoded.code_point != kReplacement)) {
      return decoded;
    }
  }
  return {};
}

void append(char32_t c, std::string& out) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0U | c >> 6);
    put(0x80U | (c & 0x3FU));
  } else if (c < 0x10000) {
    put(0xE0U | c >> 12);
    put(0x80U | (c >> 6 & 0x3FU));
    put(0x80U | (c & 0x3FU));
  } else {
    put(0xF0U | c >> 18);
    put(0x80U | (c >> 12 & 0x3FU));
    put(0x80U | (c >> 6 & 0x3FU));
    put(0x80U | (c & 0x3FU));
  }
}

std::size_t count(std::string_view text) {
  std::size_t n = 0;
  for (std::size_t at = 0; at < text.size(); at += decode(text, at).length) ++n;
  return n;
}

bool is_whitespace(char32_t c) {
  if (c < 0x80) return c == ' ' || within(c, 9, 13);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || within(c, 0x2000, 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_punctuation(char32_t c) {
  if (c < 0x80) {
    return within(c, '!', '/') || within(c, ':', '@') || within(c, '[', '`') || within(c, '{', '~');
  }
  return class_of(c) == Class::punctuation;
}

bool is_control(char32_t c) {
  if (c < 0x80) return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
  return class_of(c) == Class::control;
}

bool is_nonspacing_mark(char32_t c) {
  return c >= 0x300 && class_of(c) == Class::nonspacing_mark;
}

// The ranges of the reference tokenizer, which begins CJK extension E at U+2B920 where Unicode has
// U+2B820: its ids are what models were trained on.
bool is_cjk_ideograph(char32_t c) {
  return within(c, 0x4E00, 0x9FFF) || within(c, 0x3400, 0x4DBF) || within(c, 0xF900, 0xFAFF) ||
         within(c, 0x20000, 0x2A6DF) || within(c, 0x2A700, 0x2B81F) ||
         within(c, 0x2B920, 0x2CEAF) || within(c, 0x2F800, 0x2FA1F);
}

bool is_word_character(char32_t c) {
  // Letters with the property Alphabetic that are category So: circled and squared Latin.
  if (within(c, 0x24B6, 0x24E9) || within(c, 0x1F130, 0x1F149) || within(c, 0x1F150, 0x1F169) ||
      within(c, 0x1F170, 0x1F189) || c == 0x200C || c == 0x200D) {
    return true;
  }
  switch (utf8proc_category(to_utf8proc(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return false;
  }
}

std::uint8_t combining_class(char32_t c) {
  return static_cast<std::uint8_t>(utf8proc_get_property(to_utf8proc(c))->combining_class);
}

Decomposition decompose(char32_t c, DecompositionKind kind) {
  Decomposition result;
  utf8proc_int32_t buffer[Decomposition::kMax];
  const int compatibility = kind == DecompositionKind::compatibility ? UTF8PROC_COMPAT : 0;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | compatibility);
  int boundary = 0;
  const utf8proc_ssize_t n = utf8proc_decompose_char(
      to_utf8proc(c), buffer, static_cast<utf8proc_ssize_t>(std::size(buffer)), options, &boundary);
  result.size = n > 0 ? std::min<std::size_t>(static_cast<std::size_t>(n), std::size(buffer)) : 0;
  std::copy_n(buffer, result.size, result.code_points);
  return result;
}

void append_lowercase(char32_t c, std::string& out) {
  if (c == 0x130) {
    append('i', out);
    append(0x307, out);
    return;
  }
  append(static_cast<char32_t>(utf8proc_tolower(to_utf8proc(c))), out);
}

}  // namespace embedtool::unicode
