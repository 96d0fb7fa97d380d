#include "formats/io/text_decoder.hpp"

#include <utility>

#include "formats/io/bytes_utf8.hpp"
#include "formats/io/line_ends.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kSample = 4096;

unsigned unit_size(Encoding encoding) {
  if (encoding == Encoding::utf8) return 1;
  return encoding == Encoding::utf16le || encoding == Encoding::utf16be ? 2 : 4;
}

bool is_big_endian(Encoding encoding) {
  return encoding == Encoding::utf16be || encoding == Encoding::utf32be;
}

/// The unit at `at`, which is whole.
std::uint32_t unit_at(std::string_view bytes, std::size_t at, Encoding encoding) {
  const unsigned size = unit_size(encoding);
  std::uint32_t unit = 0;
  for (unsigned i = 0; i < size; ++i) {
    const unsigned place = is_big_endian(encoding) ? i : size - 1 - i;
    unit = unit << 8U | static_cast<unsigned char>(bytes[at + place]);
  }
  return unit;
}

bool is_common(std::uint32_t unit) {
  return unit == '\t' || unit == '\n' || unit == '\r' || (unit >= 0x20 && unit < 0x7f);
}

/// Does `bytes` read like a text in this encoding? Every text has spaces or line ends, mostly many;
/// units that no text has speak against it.
bool reads_like(std::string_view bytes, Encoding encoding) {
  const unsigned size = unit_size(encoding);
  std::size_t units = 0;
  std::size_t common = 0;
  std::size_t odd = 0;
  std::size_t line_ends = 0;
  for (std::size_t at = 0; at + size <= bytes.size(); at += size) {
    const std::uint32_t unit = unit_at(bytes, at, encoding);
    ++units;
    if (is_common(unit)) ++common;
    if (unit == '\n') ++line_ends;
    const bool impossible = size == 4 && (unit > 0x10ffff || (unit >= 0xd800 && unit < 0xe000));
    // Swapped ASCII (U+2000 is a space's) and the private area.
    const bool strange =
        unit < 0x20 || (unit & 0xff) == 0 || (unit >= 0xe000 && unit < 0xf900) || unit >= 0xfffe;
    if (impossible) return false;
    if (strange && !is_common(unit)) ++odd;
  }
  // Where the bytes of line ends are not those of line-end units, the lines are of 8-bit text.
  const std::uint64_t feeds = count_line_ends(bytes);
  return units > 0 && common * 12 >= units && odd * 20 <= units && line_ends * 2 >= feeds;
}

/// Can the bytes hardly be UTF-8? Among the letters of a text there are few NULs and controls.
bool is_odd_utf8(std::string_view bytes) {
  std::size_t nuls = 0;
  std::size_t controls = 0;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) {
      ++nuls;
    } else if (byte < 0x20 && !is_common(byte)) {
      ++controls;
    }
  }
  if (nuls == 0) return false;
  return nuls * 8 >= bytes.size() || controls * 10 >= bytes.size() || !is_utf8(bytes);
}

}  // namespace

TextCoding detect_coding(std::string_view head) {
  using namespace std::string_view_literals;
  TextCoding coding;
  const std::string_view sample = head.substr(0, kSample);
  // UTF-32's little-endian mark begins with UTF-16's, and a UTF-16 text never begins with a NUL.
  if (sample.starts_with("\xff\xfe\0\0"sv)) {
    coding.encoding = Encoding::utf32le;
  } else if (sample.starts_with("\0\0\xfe\xff"sv)) {
    coding.encoding = Encoding::utf32be;
  } else if (sample.starts_with("\xff\xfe"sv)) {
    coding.encoding = Encoding::utf16le;
  } else if (sample.starts_with("\xfe\xff"sv)) {
    coding.encoding = Encoding::utf16be;
  } else if (is_odd_utf8(sample)) {
    for (const Encoding encoding :
         {Encoding::utf32le, Encoding::utf32be, Encoding::utf16le, Encoding::utf16be}) {
      if (!reads_like(sample, encoding)) continue;
      coding.encoding = encoding;
      break;
    }
  }
  const unsigned size = unit_size(coding.encoding);
  bool cr = false;
  bool lf = false;
  if (size == 1) {
    lf = head.find('\n') != std::string_view::npos;
    cr = !lf && head.find('\r') != std::string_view::npos;
  }
  for (std::size_t at = 0; size > 1 && at + size <= head.size(); at += size) {
    const std::uint32_t unit = unit_at(head, at, coding.encoding);
    lf = lf || unit == '\n';
    cr = cr || unit == '\r';
  }
  coding.cr_lines = cr && !lf;
  return coding;
}

/// Appends a code point. Surrogates and numbers beyond Unicode are written by the same scheme,
/// which makes them invalid UTF-8.
void TextDecoder::put(std::uint32_t code, std::string& out) {
  if (coding_.cr_lines) {
    const bool second = after_cr_ && code == '\n';  // CRLF after all
    after_cr_ = code == '\r';
    if (second) return;
    if (code == '\r') code = '\n';
  }
  const auto byte = [&out](std::uint32_t value) { out += static_cast<char>(value & 0xffU); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0U | code >> 6U);
    byte(0x80U | (code & 0x3fU));
  } else if (code < 0x10000) {
    byte(0xe0U | code >> 12U);
    byte(0x80U | (code >> 6U & 0x3fU));
    byte(0x80U | (code & 0x3fU));
  } else if (code < 0x110000) {
    byte(0xf0U | code >> 18U);
    byte(0x80U | (code >> 12U & 0x3fU));
    byte(0x80U | (code >> 6U & 0x3fU));
    byte(0x80U | (code & 0x3fU));
  } else {
    byte(0xff);
  }
}

void TextDecoder::take_unit(std::uint32_t unit, std::string& out) {
  const bool wide = unit_size(coding_.encoding) == 4;
  if (high_ != 0) {
    const std::uint32_t high = std::exchange(high_, 0);
    if (unit >= 0xdc00 && unit < 0xe000) {
      return put(0x10000 + ((high - 0xd800) << 10U) + (unit - 0xdc00), out);
    }
    put(high, out);
  }
  if (!wide && unit >= 0xd800 && unit < 0xdc00) {
    high_ = unit;
  } else {
    put(unit, out);
  }
}

void TextDecoder::decode(std::string_view bytes, std::string& out) {
  if (coding_.encoding == Encoding::utf8) {
    for (const char c : bytes) {
      // Only CR and LF matter; the bytes of longer characters pass as they are.
      const bool second = after_cr_ && c == '\n';
      after_cr_ = c == '\r';
      if (!second) out += c == '\r' ? '\n' : c;
    }
    return;
  }
  const unsigned size = unit_size(coding_.encoding);
  for (const char c : bytes) {
    const std::uint32_t byte = static_cast<unsigned char>(c);
    unit_ = is_big_endian(coding_.encoding) ? unit_ << 8U | byte : unit_ | byte << 8U * unit_bytes_;
    if (++unit_bytes_ < size) continue;
    take_unit(std::exchange(unit_, 0), out);
    unit_bytes_ = 0;
  }
}

void TextDecoder::finish(std::string& out) {
  if (high_ != 0) put(std::exchange(high_, 0), out);
  if (unit_bytes_ > 0) out += '\xff';
  unit_bytes_ = 0;
}

}  // namespace embedtool
