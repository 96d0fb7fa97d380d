#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/base/check.hpp"

namespace embedtool {

/// Logarithmic buckets, 8 per octave and exact below 16: a value is within an eighth of its
/// bucket's begin. The scale of every histogram of a run. Pure functions.
struct LogBuckets {
  static constexpr std::size_t kCount = 64 * 8;

  /// Bucket of a value: its octave and the three bits below the leading one.
  static constexpr std::size_t of(std::uint64_t value) {
    if (value < 8) return static_cast<std::size_t>(value);
    const auto octave = static_cast<unsigned>(std::bit_width(value)) - 1;
    return (octave - 2) * 8 + ((value >> (octave - 3)) & 7U);
  }
  /// Smallest value of a bucket.
  static constexpr std::uint64_t begin(std::size_t bucket) {
    EMBEDTOOL_CHECK(bucket < kCount);
    if (bucket < 8) return bucket;
    const std::size_t octave = bucket / 8 + 2;
    return (8 + bucket % 8) << (octave - 3);
  }
  /// First value after a bucket; for the last bucket it does not fit and is 0.
  static constexpr std::uint64_t end(std::size_t bucket) {
    EMBEDTOOL_CHECK(bucket < kCount);
    if (bucket < 8) return bucket + 1;
    const std::size_t octave = bucket / 8 + 2;
    return (8 + bucket % 8 + 1) << (octave - 3);
  }
};

}  // namespace embedtool
