#pragma once

// Packs rows for the panels: PanelKernel::pack_input and pack_weight of each word format. Pure
// functions, thread-safe; `n` is at least 1, and the last word is filled up with zeros.

#include <cstddef>
#include <cstdint>

#include "core/math/panel_args.hpp"

namespace embedtool {

/// bf16x2: by the CPU's own conversion, round to nearest even. Only where it has avx512_bf16.
RowScale pack_bf16(const float* x, std::size_t n, std::uint32_t* words);
/// bf16x2_widened: the same on every CPU.
RowScale pack_weight_bf16(const float* w, std::size_t n, std::uint32_t* words);

RowScale pack_input_i16(const float* x, std::size_t n, std::uint32_t* words);
RowScale pack_weight_i16(const float* w, std::size_t n, std::uint32_t* words);
RowScale pack_input_i8(const float* x, std::size_t n, std::uint32_t* words);
/// i8x4 and s8x4.
RowScale pack_weight_i8(const float* w, std::size_t n, std::uint32_t* words);
RowScale pack_input_s8(const float* x, std::size_t n, std::uint32_t* words);
RowScale pack_input_i8x8(const float* x, std::size_t n, std::uint32_t* words);
RowScale pack_weight_i8x8(const float* w, std::size_t n, std::uint32_t* words);

}  // namespace embedtool
