#pragma once

#include <cstdint>

#include "core/math/gemm.hpp"

namespace embedtool {

/// A precision's number is raised by every change after which some model's vectors come out
/// otherwise in it on the same kernels, and left alone by all others. Outputs record it, so that
/// one of another number is never continued, reused or taken to be up to date.
constexpr std::uint64_t numerics_of(Compute compute) {
  // The last change of both: attention scales queries, not scores. In int8, only of short texts.
  return compute == Compute::int8 ? 5 : 3;
}

}  // namespace embedtool
