#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace embedtool {

/// Appends bytes. Not insert(): g++ warns of an overflow there that cannot happen.
inline void append_bytes(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  const std::size_t start = out.size();
  out.resize(start + bytes.size());
  std::copy_n(bytes.data(), bytes.size(), out.data() + start);
}

}  // namespace embedtool
