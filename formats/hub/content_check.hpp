#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace embedtool {

/// The name that a hub gives to `bytes` bytes that an open file holds, of the kind that `like` is:
/// 64 digits are the SHA-256 of the bytes, 40 git's SHA-1 of them as a blob. Reads the file from
/// its beginning. Throws Error(failed) naming `path` when it cannot.
std::string content_name(int fd, std::uint64_t bytes, std::string_view like,
                         const std::string& path);

/// True for 40 or 64 lower-case hexadecimal digits.
bool is_content_name(std::string_view name);

}  // namespace embedtool
