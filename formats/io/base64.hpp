#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace embedtool {

/// Appends bytes in Base64 (RFC 4648, section 4), padded.
void append_base64(std::string& out, std::span<const std::byte> bytes);

}  // namespace embedtool
