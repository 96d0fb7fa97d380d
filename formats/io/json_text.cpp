#include "formats/io/json_text.hpp"

#include <algorithm>
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

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto is_special = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
  };
  out += '"';
  while (true) {
    // What stays as it is goes in one piece.
    const auto* const special = std::find_if(text.begin(), text.end(), is_special);
    out.append(text.begin(), special);
    if (special == text.end()) break;
    const char c = *special;
    text.remove_prefix(static_cast<std::size_t>(special - text.begin()) + 1);
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
