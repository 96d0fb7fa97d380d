#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace embedtool::unicode {

constexpr char32_t kReplacement = 0xFFFD;

struct Decoded {
  char32_t code_point = kReplacement;
  std::uint32_t length = 1;  ///< bytes consumed, 1 for a byte that starts no valid sequence
};

/// The code point that starts at `text[at]` (at < text.size()). What is not valid UTF-8
/// (overlong, surrogate, cut off) reads as U+FFFD, one byte at a time.
Decoded decode(std::string_view text, std::size_t at);

/// The code point that ends just before `text[at]` (at > 0), read the same way.
Decoded decode_before(std::string_view text, std::size_t at);

/// Appends `c` (a valid code point) as UTF-8.
void append(char32_t c, std::string& out);

/// Number of code points; bytes that start no valid sequence count one each.
std::size_t count(std::string_view text);

inline bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

/// Whether a byte of UTF-8 goes on with the character of the byte before it.
inline bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// The Unicode property White_Space.
bool is_whitespace(char32_t c);
/// ASCII symbols and what Unicode calls punctuation (general category P*).
bool is_punctuation(char32_t c);
/// Categories Cc, Cf and Co, but not tab, line feed and carriage return.
bool is_control(char32_t c);
/// Category Mn, what accents become in a canonical decomposition.
bool is_nonspacing_mark(char32_t c);
/// What BERT treats as a Chinese character.
bool is_cjk_ideograph(char32_t c);
/// What `\w` means in a Unicode regular expression.
bool is_word_character(char32_t c);

/// `\p{L}` and `\p{N}` of the reference's regular expressions.
bool is_letter(char32_t c);
bool is_number(char32_t c);
/// Categories Nd, Nl and No, as the reference's own language has them.
bool is_numeric(char32_t c);
/// Categories Mn, Mc and Me; and as accent stripping knows them.
bool is_mark(char32_t c);
bool is_accent(char32_t c);
/// Whether a grapheme may end between two characters, read in order from the start of a text with
/// `state` 0 before the first pair (UAX #29, extended grapheme clusters).
bool grapheme_ends(char32_t before, char32_t after, std::int32_t& state);
/// Grapheme_Cluster_Break=Prepend: no grapheme ends right after it.
bool prepends(char32_t c);

/// Canonical combining class; 0 for a starter.
std::uint8_t combining_class(char32_t c);

/// A code point's decomposition; the code point itself if it has none.
struct Decomposition {
  static constexpr std::size_t kMax = 24;  // U+FDFA has 18 under compatibility rules
  char32_t code_points[kMax];
  std::size_t size = 0;
};
enum class DecompositionKind : std::uint8_t { canonical, compatibility };
/// Full decomposition of one code point, marks not yet in canonical order.
Decomposition decompose(char32_t c, DecompositionKind kind);

/// Characters that the reference's older tables of normal forms lack: they neither decompose nor
/// compose nor move.
bool unknown_to_normal_forms(char32_t c);

/// Puts decomposed code points in canonical order, in place.
void order_marks(char32_t* code_points, std::size_t size);
/// Composes ordered code points (NFC, NFKC), in place. Returns how many are left.
std::size_t compose(char32_t* code_points, std::size_t size);

/// Simple lower-case mapping.
char32_t lowercase_of(char32_t c);
/// Appends the lower case of `c`, by itself (no final sigma), full mapping: İ gives two.
void append_lowercase(char32_t c, std::string& out);

}  // namespace embedtool::unicode
