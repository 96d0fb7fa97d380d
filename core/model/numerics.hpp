#pragma once

#include <cstdint>

#include "core/math/gemm.hpp"

namespace embedtool {

/// A precision's number is raised by every change after which some model's vectors come out
/// otherwise in it on the same kernels, and left alone by all others. Outputs record it, so that
/// one of another number is never continued, reused or taken to be up to date.
constexpr std::uint64_t numerics_of(Compute compute) {
  // 3: queries are scaled before they are multiplied. int8 4: long texts attend in int8, by weights
  // of 16 bits; short ones as in f32.
  return compute == Compute::int8 ? 5 : 3;
}

}  // namespace embedtool
