#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace embedtool {

/// Writes a small file at any path, complete or not at all (temporary file, rename, sync). The
/// folder must exist. Throws Error(failed).
void publish_file(const std::string& path, std::string_view text);

/// A small file's text; nothing if there is no such file. Throws Error(failed) when it cannot be
/// read or is larger than `cap` bytes.
std::optional<std::string> read_file(const std::string& path, std::size_t cap);

}  // namespace embedtool
