#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace embedtool {

/// How many line ends ('\n') there are. Counts in bytes, a block at a time: compilers make vectors
/// of that, ten times as fast as what they make of std::count.
inline std::uint64_t count_line_ends(std::string_view bytes) {
  constexpr std::size_t kBlock = 240;  // whole vectors, and no more than a byte can count
  std::uint64_t ends = 0;
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), kBlock);
    std::uint8_t of_block = 0;
    for (std::size_t i = 0; i < size; ++i) {
      of_block = static_cast<std::uint8_t>(of_block + (bytes[i] == '\n' ? 1 : 0));
    }
    ends += of_block;
    bytes.remove_prefix(size);
  }
  return ends;
}

}  // namespace embedtool
