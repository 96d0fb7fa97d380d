#pragma once

// What AVX-512 has beyond the basic set that Highway's target stands for: products of bf16 pairs
// and of int8 quadruples. Only called where has_extension() says so.

#include <cstddef>
#include <cstdint>

#include "core/math/panel_args.hpp"

namespace embedtool {

/// Columns of a panel: three vectors, which with eight rows makes 24 sums of 32 registers.
inline constexpr std::size_t kAvx512PanelColumns = 48;

void multiply_bf16_avx512(const PanelArgs& args);
void multiply_i8_avx512(const PanelArgs& args);
/// f32 → bf16, round to nearest even; PanelKernel::pack_input and pack_weight.
RowScale pack_bf16_avx512(const float* x, std::size_t n, std::uint32_t* words);

}  // namespace embedtool
