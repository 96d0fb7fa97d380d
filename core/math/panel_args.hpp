#pragma once

// The inner product of the native GEMM backend: a strip of rows times one packed panel of weights.
// A panel holds as many columns (outputs) as its kernel has sums in registers for each row, so that
// one pass over the weights, from first to last, makes a tile of results. One word of an operand
// holds a group of consecutive inputs: in 32 bits 1 f32, 2 bf16, 2 int16 or 4 int8, in 64 bits 4
// bf16 or 8 int8. So all precisions share one layout, [words, columns], and one register blocking.

#include <cstddef>
#include <cstdint>

namespace embedtool {

/// How a word packs inputs, and so which instructions multiply it.
enum class WordFormat : std::uint8_t {
  f32x1,
  bf16x2,          ///< AVX512-BF16: pairs of products summed in f32
  bf16x2_widened,  ///< everywhere: weights become f32 in registers, inputs are f32 rows as they are
  i16x2,           ///< vpmaddwd, smlal: int8 values widened to 16 bits, exact everywhere
  i8x4,            ///< AVX512-VNNI, AVX-VNNI: unsigned inputs times signed weights, exact
  s8x4,            ///< sdot: the same, the inputs less 128 (kSignedShift) and so signed
  i8x8,            ///< usmmla: as i8x4, in woven rows
  bf16x4,          ///< bfmmla: as bf16x2, in woven rows
};

/// What s8x4 takes from its inputs.
inline constexpr std::int32_t kSignedShift = 128;

/// Inputs in a word.
constexpr std::size_t group_of(WordFormat format) {
  switch (format) {
    case WordFormat::f32x1:
      return 1;
    case WordFormat::bf16x2:
    case WordFormat::bf16x2_widened:
    case WordFormat::i16x2:
      return 2;
    case WordFormat::i8x4:
    case WordFormat::s8x4:
    case WordFormat::bf16x4:
      return 4;
    case WordFormat::i8x8:
      return 8;
  }
  return 1;
}

/// Woven rows of inputs come in pairs, word by word: word 0 of both, word 1 of both, …, as the
/// instructions want that multiply 2 × 2 matrices of words. A last row without a partner is paired
/// with zeros.
constexpr bool is_woven(WordFormat format) {
  return format == WordFormat::i8x8 || format == WordFormat::bf16x4;
}

/// Size of a word, in units of 32 bits.
constexpr std::size_t units_of(WordFormat format) {
  return is_woven(format) ? 2 : 1;
}

constexpr bool is_integer(WordFormat format) {
  return format == WordFormat::i16x2 || format == WordFormat::i8x4 || format == WordFormat::s8x4 ||
         format == WordFormat::i8x8;
}

/// Integer inputs are x ≈ offset + scale · q with q = 0 … 255: half of the range is not lost where
/// inputs are of one sign, as they nearly are after GELU.
struct RowScale {
  float scale = 1.0F;
  float offset = 0.0F;
};

/// y[r, c] = value(Σ x[r] w[c]) + bias[c] for `rows` rows and the panel's first `used` columns.
/// For integers value(s) = s · (rows[r].scale · column_scale[c]) + rows[r].offset · column_sum[c],
/// else s. A row's sums run over the inputs in order, so that a result depends on neither the rows
/// beside it nor how many there are.
struct PanelArgs {
  const void* x;         ///< [rows, words], woven if the format is; or f32 [rows, inputs]
  std::size_t x_stride;  ///< words or floats from one row to the next
  std::size_t rows;
  std::size_t inputs;  ///< of a row; the last word may hold fewer than its group
  std::size_t words;
  const void* weights;        ///< [words, columns]
  const float* bias;          ///< [columns]
  const RowScale* row_scale;  ///< [rows]; integers only
  const float* column_scale;  ///< [columns]; integers only
  const float* column_sum;    ///< [columns]: column_scale Σ w; integers only
  const std::int32_t* shift;  ///< [columns]: kSignedShift Σ w; s8x4 only
  float* y;
  std::size_t y_stride;  ///< floats from one row to the next
  std::size_t used;      ///< of the panel's columns, all or fewer; nothing is written beyond
};

}  // namespace embedtool
