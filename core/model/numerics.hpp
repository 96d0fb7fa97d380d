#pragma once

#include <cstdint>

namespace embedtool {

/// Raised by every change after which some model's vectors come out otherwise on the same kernels;
/// left alone by all others. Outputs record it, so that one of another number is never continued,
/// reused or taken to be up to date.
inline constexpr std::uint64_t kNumerics = 2;

}  // namespace embedtool
