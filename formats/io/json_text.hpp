#pragma once

// Writes JSON directly into a string. An output has millions of such lines; a library's DOM would
// cost more than the values.

#include <cstdint>
#include <string>
#include <string_view>

namespace embedtool {

/// Appends a quoted string (RFC 8259). `text` is UTF-8 and is copied unchanged, except for
/// characters that must be escaped: quotes, backslashes and controls below U+0020.
void append_json_string(std::string& out, std::string_view text);

/// Appends the shortest decimal that reads back as the same f32; null for values that JSON cannot
/// represent.
void append_json_number(std::string& out, float value);
void append_json_integer(std::string& out, std::int64_t value);

}  // namespace embedtool
