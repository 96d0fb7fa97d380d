#pragma once

// The inner product of the native GEMM backend: a strip of rows times one packed panel of weights.
// One 32-bit word of an operand holds a group of consecutive inputs: 1 f32, 2 bf16, 2 int16 or
// 4 int8. So all precisions share one layout, [words, kPanelColumns], and one register blocking.

#include <cstddef>
#include <cstdint>

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

}  // namespace embedtool
