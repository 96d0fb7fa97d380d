#pragma once

#include <cstddef>

#include "core/tensor.hpp"

namespace embedtool {

/// Widens `n` elements of one of llama.cpp's block types to f32, in f32 arithmetic: out = scale · q
/// for q4_0, q5_0 and q6_k, scale · q + least for q4_1 and q5_1, scale · q - least for q4_k and
/// q5_k (ggml-quants.c; q6_k has a scale for each 16 elements, q4_k and q5_k one for each 32,
/// themselves 6 or 8 bits of the block's f16). `n` is a multiple of the block's elements.
void dequantize(const std::byte* blocks, DType type, std::size_t n, float* out);

}  // namespace embedtool
