#pragma once

// The inner product of the native GEMM backend: a strip of rows times one packed panel of weights.
// One 32-bit word of an operand holds a group of consecutive inputs: 1 f32, 2 bf16, 2 int16 or
// 4 int8. So all precisions share one layout, [words, kPanelColumns], and one register blocking.

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/math/gemm.hpp"

namespace embedtool {

/// Columns (outputs) of a panel: three of the widest vectors. With eight rows that makes 24
/// accumulators of AVX-512's 32 registers; 6 × 4 and 14 × 2 measured the same.
inline constexpr std::size_t kPanelColumns = 48;

/// How a word packs inputs, and so which instructions multiply it.
enum class WordFormat : std::uint8_t {
  f32x1,
  bf16x2,  ///< AVX512-BF16: pairs of products summed in f32
  i16x2,   ///< vpmaddwd: int8 values widened to 16 bits, exact everywhere
  i8x4,    ///< AVX512-VNNI: unsigned inputs times signed weights, exact
};

constexpr std::size_t group_of(WordFormat format) {
  if (format == WordFormat::f32x1) return 1;
  return format == WordFormat::i8x4 ? 4 : 2;
}

/// Integer inputs are x ≈ offset + scale · q with q = 0 … 255: half of the range is not lost where
/// inputs are of one sign, as they nearly are after GELU.
struct RowScale {
  float scale = 1.0F;
  float offset = 0.0F;
};

/// y[r, c] = value(Σ x[r] w[c]) + bias[c] for `rows` rows and the panel's first `columns` columns.
/// For integers value(s) = s · (rows[r].scale · column_scale[c]) + rows[r].offset · column_sum[c],
/// else s. A row's sums run over the inputs in order, so that a result depends on neither the rows
/// beside it nor how many there are.
struct PanelArgs {
  const void* x;         ///< [rows, words]
  std::size_t x_stride;  ///< words from one row to the next
  std::size_t rows;
  std::size_t words;
  const void* weights;        ///< [words, kPanelColumns]
  const float* bias;          ///< [kPanelColumns]
  const RowScale* row_scale;  ///< [rows]; integers only
  const float* column_scale;  ///< [kPanelColumns]; integers only
  const float* column_sum;    ///< [kPanelColumns]: column_scale Σ w; integers only
  float* y;
  std::size_t y_stride;  ///< floats from one row to the next
  std::size_t columns;   ///< ≤ kPanelColumns; nothing is written beyond
};

/// A strip kernel and the packing that goes with it. Pure functions, thread-safe.
struct PanelKernel {
  WordFormat format;
  std::string instructions;  ///< for reports: "AVX3", "AVX512-BF16", …
  void (*multiply)(const PanelArgs& args);
  /// Packs a row of `n` inputs into words, the last one filled up with zeros. Null for f32x1: rows
  /// are used as they are.
  RowScale (*pack_input)(const float* x, std::size_t n, std::uint32_t* words);
  /// The same for an output's weights, which are symmetric: their offset is 0.
  RowScale (*pack_weight)(const float* w, std::size_t n, std::uint32_t* words);
};

/// The best kernel that this CPU (or the forced instruction set) has for a precision; `multiply`
/// is null when there is none. bf16 without bf16 instructions has none: f32 is as fast there.
PanelKernel panel_kernel(Compute compute);

/// Σ w of a row packed by pack_weight.
std::int32_t packed_sum(WordFormat format, const std::uint32_t* words, std::size_t n);

/// The scaling of integer sums by itself, for backends that leave it to others: `values` holds the
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
