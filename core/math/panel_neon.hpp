#pragma once

// What arm64 CPUs have beyond NEON: sums of four int8 products, and products of small int8 and bf16
// matrices. Only called where has_extension() says so.

#include <cstddef>
#include <cstdint>

#include "core/math/panel_args.hpp"

namespace embedtool {

/// Columns of a panel: three vectors, which with eight rows makes 24 sums of 32 registers.
inline constexpr std::size_t kNeonPanelColumns = 12;

void multiply_dotprod_neon(const PanelArgs& args);  ///< s8x4
void multiply_i8mm_neon(const PanelArgs& args);     ///< i8x8
void multiply_bf16_neon(const PanelArgs& args);     ///< bf16x4
/// f32 → bf16, round to nearest even; PanelKernel::pack_input and pack_weight.
RowScale pack_bf16_neon(const float* x, std::size_t n, std::uint32_t* words);

}  // namespace embedtool
