#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace embedtool {

/// Valid UTF-8 (no overlong forms, no surrogates, nothing above U+10FFFF)? NUL bytes are valid.
bool is_utf8(std::string_view bytes);

/// Are all of the bytes, of which there are some, NUL? So a file ends that was cut off by a crash.
inline bool is_nul(std::string_view bytes) {
  return bytes.starts_with('\0') && bytes.find_first_not_of('\0') == std::string_view::npos;
}

/// Length of the longest valid prefix of `bytes`; its size if all of it is valid. Slower than
/// is_utf8: for messages.
std::size_t valid_utf8_prefix(std::string_view bytes);

/// Appends the bytes as readable text: valid UTF-8 unchanged, every other byte as \xNN, a backslash
/// as \\. Nothing is lost, and the result is valid UTF-8. Reads at most `cap` bytes.
void append_escaped(std::string& out, std::string_view bytes, std::size_t cap);

/// A file's name as readable text: unchanged if it is valid UTF-8, else as append_escaped().
std::string readable_name(std::string_view name);

}  // namespace embedtool
