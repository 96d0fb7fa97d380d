#include "formats/io/json_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

namespace embedtool {
namespace {

template <typename Number>
void append_number(std::string& out, Number value) {
  constexpr std::size_t kRoom = 32;  // any f32 in its shortest form, any integer
  std::array<char, kRoom> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  out.append(buffer.data(), end);
}

bool is_special(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

/// How many bytes at the beginning stand for themselves in a JSON string.
std::size_t plain_prefix(std::string_view text) {
  constexpr std::size_t kBlock = 32;  // examined without branches, so that the compiler vectorizes
  std::size_t size = 0;
  while (text.size() - size >= kBlock) {
    unsigned char found = 0;
    for (std::size_t i = 0; i < kBlock; ++i) {
      found |= static_cast<unsigned char>(is_special(text[size + i]));
    }
    if (found != 0) break;
    size += kBlock;
  }
  while (size < text.size() && !is_special(text[size])) ++size;
  return size;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  while (true) {
    // What stays as it is goes in one piece.
    const std::size_t plain = plain_prefix(text);
    out.append(text, 0, plain);
    if (plain == text.size()) break;
    const char c = text[plain];
    text.remove_prefix(plain + 1);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
  out += '"';
}

void append_json_number(std::string& out, float value) {
  if (value == 0.0F && std::signbit(value)) {
    out += "-0.0";  // many readers take -0 for an integer, which has no sign
  } else if (std::isfinite(value)) {
    append_number(out, value);
  } else {
    out += "null";
  }
}

void append_json_integer(std::string& out, std::int64_t value) {
  append_number(out, value);
}

}  // namespace embedtool
