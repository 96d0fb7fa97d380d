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
  i8x4,    ///< AVX512-VNNI: unsigned inputs (128 added) times signed weights, exact
};

constexpr std::size_t group_of(WordFormat format) {
  if (format == WordFormat::f32x1) return 1;
  return format == WordFormat::i8x4 ? 4 : 2;
}

/// y[r, c] = scale(Σ x[r] w[c]) + bias[c] for `rows` rows and the panel's first `columns` columns.
/// For integers scale(s) = (s - column_offset[c]) · (row_scale[r] · column_scale[c]), else s.
/// A row's sums run over the inputs in order, so that a result depends on neither the rows beside
/// it nor how many there are.
struct PanelArgs {
  const void* x;         ///< [rows, words]
  std::size_t x_stride;  ///< words from one row to the next
  std::size_t rows;
  std::size_t words;
  const void* weights;                ///< [words, kPanelColumns]
  const float* bias;                  ///< [kPanelColumns]
  const float* row_scale;             ///< [rows]; integers only
  const float* column_scale;          ///< [kPanelColumns]; integers only
  const std::int32_t* column_offset;  ///< [kPanelColumns]; i8x4 only: 128 Σ w
  float* y;
  std::size_t y_stride;  ///< floats from one row to the next
  std::size_t columns;   ///< ≤ kPanelColumns; nothing is written beyond
};

/// A strip kernel and the row conversions that go with it. Pure functions, thread-safe.
struct PanelKernel {
  WordFormat format;
  std::string instructions;  ///< for reports: "AVX3", "AVX512-BF16", …
  void (*multiply)(const PanelArgs& args);
  /// Packs one row of `n` floats into words, the last one filled up; returns the row's scale
  /// (integers: max|x| / 127), 1 for floats. Null for f32x1: rows are used as they are.
  float (*pack_row)(const float* x, std::size_t n, std::uint32_t* words);
};

/// The best kernel that this CPU (or the forced instruction set) has for a precision; `multiply`
/// is null when there is none. bf16 without bf16 instructions has none: f32 is as fast there.
PanelKernel panel_kernel(Compute compute);

/// Takes the 128 off that an i8x4 row of `n` inputs carries, for use as weights; returns 128 Σ w.
std::int32_t make_signed(std::uint32_t* words, std::size_t n);

/// The scaling of integer sums by itself, for backends that leave it to others: `values` holds the
/// int32 sums of `rows` × `n` and takes the f32 results; the other arrays are as in PanelArgs.
struct ScaleSumsArgs {
  float* values;
  std::size_t rows;
  std::size_t n;
  const float* row_scale;
  const float* column_scale;
  const std::int32_t* column_offset;
};
void scale_sums(const ScaleSumsArgs& args);

}  // namespace embedtool
