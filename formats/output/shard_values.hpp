#pragma once

#include <cstddef>

#include "core/data.hpp"

namespace embedtool {

/// The values of `count` stored vectors of `spec` as f32: f16 widened, int8 times the scale, binary
/// as +1 and -1. `out` has count × spec.dims elements.
void values_of(const OutputSpec& spec, const std::byte* vectors, std::size_t count, float* out);

}  // namespace embedtool
