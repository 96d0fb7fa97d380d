#include "core/text/unicode/unicode.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

#include "core/text/unicode/unicode_tables.hpp"

namespace embedtool::unicode {
namespace {

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
  return in_ranges(kOrdinaryInUnicode8, c) ? Class::other : now;
}

bool within(char32_t c, char32_t first, char32_t last) {
  return c >= first && c <= last;
}

/// A character as the library's graphemes know it: one of Unicode 16 is stood for by one like it.
utf8proc_int32_t for_graphemes(char32_t c) {
  if (in_ranges(kMarksOfUnicode16, c)) return 0x300;
  return c == kPrependOfUnicode16 ? 0x600 : to_utf8proc(c);
}

}  // namespace

Decoded decode(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const std::size_t left = text.size() - at;
  const auto continues = [&](std::size_t i) { return i < left && is_continuation(text[at + i]); };
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
      return in_ranges(kLettersOfUnicode16, c) || in_ranges(kNumbersOfUnicode16, c) ||
             in_ranges(kMarksOfUnicode16, c);
  }
}

bool is_letter(char32_t c) {
  if (c < 0x80) return within(c | 0x20U, 'a', 'z');
  switch (utf8proc_category(to_utf8proc(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return true;
    default:
      return in_ranges(kLettersOfUnicode16, c);
  }
}

bool is_number(char32_t c) {
  if (c < 0x80) return within(c, '0', '9');
  switch (utf8proc_category(to_utf8proc(c))) {
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return true;
    default:
      return in_ranges(kNumbersOfUnicode16, c);
  }
}

bool is_numeric(char32_t c) {
  return is_number(c) || in_ranges(kNumbersOfUnicode17, c);
}

bool is_accent(char32_t c) {
  if (c < 0x300) return false;
  return is_mark(c) != in_ranges(kMarkOtherwise, c);
}

bool is_mark(char32_t c) {
  switch (utf8proc_category(to_utf8proc(c))) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return true;
    default:
      return false;
  }
}

bool grapheme_ends(char32_t before, char32_t after, std::int32_t& state) {
  return utf8proc_grapheme_break_stateful(for_graphemes(before), for_graphemes(after), &state);
}

bool prepends(char32_t c) {
  return c >= 0x600 &&
         utf8proc_get_property(for_graphemes(c))->boundclass == UTF8PROC_BOUNDCLASS_PREPEND;
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

bool unknown_to_normal_forms(char32_t c) {
  return in_ranges(kUnknownToNormalForms, c);
}

void order_marks(char32_t* code_points, std::size_t size) {
  for (std::size_t begin = 0; begin < size;) {
    if (combining_class(code_points[begin]) == 0) {
      ++begin;
      continue;
    }
    std::size_t end = begin + 1;
    while (end < size && combining_class(code_points[end]) != 0) ++end;
    if (end - begin > 1) {
      std::stable_sort(code_points + begin, code_points + end, [](char32_t a, char32_t b) {
        return combining_class(a) < combining_class(b);
      });
    }
    begin = end;
  }
}

namespace {

std::size_t compose_stretch(char32_t* code_points, std::size_t size) {
  static_assert(sizeof(char32_t) == sizeof(utf8proc_int32_t));
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  const utf8proc_ssize_t left =
      utf8proc_normalize_utf32(reinterpret_cast<utf8proc_int32_t*>(code_points),
                               static_cast<utf8proc_ssize_t>(size), options);
  return left < 0 ? size : static_cast<std::size_t>(left);
}

}  // namespace

// U+11A7 stands where the trailing consonants of Hangul are counted from, but is none: it composes
// with nothing. utf8proc would drop it behind a syllable, so it never gets to see it.
std::size_t compose(char32_t* code_points, std::size_t size) {
  constexpr char32_t kNoTrailing = 0x11A7;
  std::size_t kept = 0;
  for (std::size_t begin = 0; begin < size;) {
    char32_t* const end = std::find(code_points + begin, code_points + size, kNoTrailing);
    const std::size_t length = static_cast<std::size_t>(end - code_points) - begin;
    const std::size_t left = compose_stretch(code_points + begin, length);
    std::copy_n(code_points + begin, left, code_points + kept);
    kept += left;
    begin += length;
    if (begin == size) break;
    code_points[kept++] = kNoTrailing;
    ++begin;
  }
  return kept;
}

// The simple mapping, with the letters of Unicode 15.1 to 17 that utf8proc lacks.
char32_t lowercase_of(char32_t c) {
  switch (c) {
    case 0x1C89:
    case 0xA7CC:
    case 0xA7CE:
    case 0xA7D2:
    case 0xA7D4:
    case 0xA7DA:
      return c + 1;
    case 0xA7CB:
      return 0x264;
    case 0xA7DC:
      return 0x19B;
    default:
      if (within(c, 0x10D50, 0x10D65)) return c + 0x20;
      if (within(c, 0x16EA0, 0x16EB8)) return c + 0x1B;
      return static_cast<char32_t>(utf8proc_tolower(to_utf8proc(c)));
  }
}

void append_lowercase(char32_t c, std::string& out) {
  if (c == 0x130) {
    append('i', out);
    append(0x307, out);
    return;
  }
  append(lowercase_of(c), out);
}

}  // namespace embedtool::unicode
