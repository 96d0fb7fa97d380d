#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace embedtool {

/// A small regular file's text, links followed; nothing if there is no such file. Throws
/// Error(failed) when it cannot be read or is larger than `cap` bytes.
std::optional<std::string> read_small_file(const std::string& path, std::size_t cap);

}  // namespace embedtool
