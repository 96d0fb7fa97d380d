#pragma once

// For results that must have the same bits on every CPU.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace embedtool {

/// FNV-1a of the values' bits.
inline std::uint64_t hash_of(const std::vector<float>& values) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const float value : values) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    for (int i = 0; i < 4; ++i) hash = (hash ^ (bits >> 8 * i & 0xffU)) * 0x100000001b3U;
  }
  return hash;
}

/// Numbers that every standard library makes alike.
inline std::vector<float> portable_floats(std::size_t n, std::uint32_t state) {
  std::vector<float> out(n);
  for (float& v : out) {
    state = state * 1664525U + 1013904223U;
    v = static_cast<float>(state >> 8U) / 16777216.0F - 0.25F;
  }
  return out;
}

}  // namespace embedtool
