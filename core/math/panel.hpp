#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/math/gemm.hpp"
#include "core/math/panel_args.hpp"

namespace embedtool {

/// A strip kernel and the packing that goes with it. Pure functions, thread-safe.
struct PanelKernel {
  WordFormat format = WordFormat::f32x1;
  std::size_t columns = 0;   ///< of a panel
  std::string instructions;  ///< for reports: "AVX3", "AVX512-BF16", "NEON-I8MM", …
  void (*multiply)(const PanelArgs& args) = nullptr;
  /// Packs a row of `n` inputs into words, the last one filled up with zeros, unwoven. Null where
  /// rows of f32 are used as they are.
  RowScale (*pack_input)(const float* x, std::size_t n, std::uint32_t* words) = nullptr;
  /// The same for an output's weights, which are symmetric: their offset is 0. Null for f32x1.
  RowScale (*pack_weight)(const float* w, std::size_t n, std::uint32_t* words) = nullptr;
};

/// The best kernel that this CPU (or the forced instruction set) has for a precision; `multiply` is
/// null if there is none. Without fast bf16 instructions, bf16 is as fast as f32, in half the
/// memory.
PanelKernel panel_kernel(Compute compute);
/// The kernel by the CPU's own dot products of bf16 or int8, fast or not; `multiply` is null if
/// there is none, and for f32.
PanelKernel dot_kernel(Compute compute);

/// Σ w of a row packed by pack_weight.
std::int32_t packed_sum(WordFormat format, const std::uint32_t* words, std::size_t n);

/// The scaling of integer sums alone, for backends that do not do it themselves: `values` holds the
/// int32 sums of `rows` × `n` and takes the f32 results; the other arrays are as in PanelArgs.
struct ScaleSumsArgs {
  float* values;
  std::size_t rows;
  std::size_t n;
  const RowScale* row_scale;
  const float* column_scale;
  const float* column_sum;
};
void scale_sums(const ScaleSumsArgs& args);

}  // namespace embedtool
