// int8 and bf16 strips on arm64, by intrinsics: Debian 12's Highway has no operation for either.
#include "core/math/panel_neon.hpp"

#if defined(__aarch64__)

#include <arm_neon.h>

#include <cstring>

// Attributes, not compiler flags, so that nothing else in this file needs the instructions.
#define EMBEDTOOL_DOTPROD __attribute__((target("arch=armv8.2-a+dotprod")))
#define EMBEDTOOL_MATRIX __attribute__((target("arch=armv8.2-a+i8mm+bf16")))

namespace embedtool {
namespace {

constexpr std::size_t kLanes = 4;
constexpr std::size_t kVectors = kNeonPanelColumns / kLanes;
constexpr std::size_t kRows = 8;
static_assert(kVectors * kLanes == kNeonPanelColumns);

/// A row of a panel's results, before the bias.
struct PanelRow {
  float32x4_t values[kVectors];
};

/// PanelArgs' value(sum) for integers.
inline float32x4_t scale_sum(int32x4_t sum, const PanelArgs& a, std::size_t row,
                             std::size_t column) {
  const RowScale& r = a.row_scale[row];
  const float32x4_t scale = vmulq_n_f32(vld1q_f32(a.column_scale + column), r.scale);
  const float32x4_t shift = vmulq_n_f32(vld1q_f32(a.column_sum + column), r.offset);
  return vfmaq_f32(shift, vcvtq_f32_s32(sum), scale);
}

inline void store_row(const PanelArgs& a, std::size_t row, const PanelRow& result) {
  float whole[kNeonPanelColumns];
  float* const y = a.y + row * a.y_stride;
  float* const out = a.used == kNeonPanelColumns ? y : whole;
  for (std::size_t v = 0; v < kVectors; ++v) {
    const float32x4_t bias = vld1q_f32(a.bias + v * kLanes);
    vst1q_f32(out + v * kLanes, vaddq_f32(result.values[v], bias));
  }
  if (out == whole) std::memcpy(y, whole, a.used * sizeof(float));
}

/// kTileRows rows of s8x4 from `row` on by the whole panel.
template <std::size_t kTileRows>
EMBEDTOOL_DOTPROD inline void dot_tile(const PanelArgs& a, std::size_t row) {
  constexpr std::size_t kWord = 4;
  int32x4_t sum[kTileRows][kVectors];
  for (auto& sums : sum) {
    for (std::size_t v = 0; v < kVectors; ++v) sums[v] = vld1q_s32(a.shift + v * kLanes);
  }
  const auto* x = static_cast<const std::int8_t*>(a.x) + row * a.x_stride * kWord;
  const auto* weights = static_cast<const std::int8_t*>(a.weights);
  for (std::size_t i = 0; i < a.words; ++i, x += kWord, weights += kNeonPanelColumns * kWord) {
    const int8x16_t w0 = vld1q_s8(weights);
    const int8x16_t w1 = vld1q_s8(weights + kLanes * kWord);
    const int8x16_t w2 = vld1q_s8(weights + 2 * kLanes * kWord);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kTileRows; ++r) {
      float
          word;  // loaded into the vector registers: as an integer it would go by way of the others
      std::memcpy(&word, x + r * a.x_stride * kWord, kWord);
      const int8x8_t v = vreinterpret_s8_f32(vset_lane_f32(word, vdup_n_f32(0.0F), 0));
      sum[r][0] = vdotq_lane_s32(sum[r][0], w0, v, 0);
      sum[r][1] = vdotq_lane_s32(sum[r][1], w1, v, 0);
      sum[r][2] = vdotq_lane_s32(sum[r][2], w2, v, 0);
    }
  }
  // By way of memory, as in panel.cpp.
  alignas(16) std::int32_t raw[kTileRows][kNeonPanelColumns];
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < kVectors; ++v) vst1q_s32(raw[r] + v * kLanes, sum[r][v]);
  }
  for (std::size_t r = 0; r < kTileRows; ++r) {
    PanelRow result;
    for (std::size_t v = 0; v < kVectors; ++v) {
      result.values[v] = scale_sum(vld1q_s32(raw[r] + v * kLanes), a, row + r, v * kLanes);
    }
    store_row(a, row + r, result);
  }
}

// The matrix instructions multiply two rows' words by two columns' words; the four sums are the
// first row's by both columns, then the second's.

struct I8Words {
  using Sum = int32x4_t;
  using Input = uint8x16_t;
  using Weight = int8x16_t;
  using Element = std::int32_t;
  EMBEDTOOL_MATRIX static Sum zero() { return vdupq_n_s32(0); }
  EMBEDTOOL_MATRIX static Input input(const std::byte* x) {
    return vld1q_u8(reinterpret_cast<const std::uint8_t*>(x));
  }
  EMBEDTOOL_MATRIX static Weight weight(const std::byte* w) {
    return vld1q_s8(reinterpret_cast<const std::int8_t*>(w));
  }
  EMBEDTOOL_MATRIX static Sum multiply_add(Input x, Weight w, Sum sum) {
    return vusmmlaq_s32(sum, x, w);
  }
  EMBEDTOOL_MATRIX static void store(Element* raw, Sum sum) { vst1q_s32(raw, sum); }
  EMBEDTOOL_MATRIX static float32x4_t finish(const Element* left, const Element* right,
                                             const PanelArgs& a, std::size_t row,
                                             std::size_t column) {
    return scale_sum(vcombine_s32(vld1_s32(left), vld1_s32(right)), a, row, column);
  }
};

/// The instruction adds a pair of products to the sum, then the next pair, each sum rounded as
/// FEAT_BF16 says (Arm ARM, BFMatMulAdd): a row's sum depends on the row alone.
struct Bf16Words {
  using Sum = float32x4_t;
  using Input = bfloat16x8_t;
  using Weight = bfloat16x8_t;
  using Element = float;
  EMBEDTOOL_MATRIX static Sum zero() { return vdupq_n_f32(0.0F); }
  EMBEDTOOL_MATRIX static Input input(const std::byte* x) {
    return vld1q_bf16(reinterpret_cast<const bfloat16_t*>(x));
  }
  EMBEDTOOL_MATRIX static Weight weight(const std::byte* w) { return input(w); }
  EMBEDTOOL_MATRIX static Sum multiply_add(Input x, Weight w, Sum sum) {
    return vbfmmlaq_f32(sum, x, w);
  }
  EMBEDTOOL_MATRIX static void store(Element* raw, Sum sum) { vst1q_f32(raw, sum); }
  EMBEDTOOL_MATRIX static float32x4_t finish(const Element* left, const Element* right,
                                             const PanelArgs&, std::size_t, std::size_t) {
    return vcombine_f32(vld1_f32(left), vld1_f32(right));
  }
};

/// kPairs pairs of woven rows from `row` on, an even number, by the whole panel; `rows` of them are
/// stored.
template <class Words, std::size_t kPairs>
EMBEDTOOL_MATRIX inline void matrix_tile(const PanelArgs& a, std::size_t row, std::size_t rows) {
  constexpr std::size_t kWord = 8;
  constexpr std::size_t kColumnPairs = kNeonPanelColumns / 2;
  typename Words::Sum sum[kPairs][kColumnPairs];
  for (auto& sums : sum) {
    for (auto& s : sums) s = Words::zero();
  }
  const std::size_t stride = 2 * a.x_stride * kWord;
  const std::byte* x = static_cast<const std::byte*>(a.x) + row * a.x_stride * kWord;
  const std::byte* weights = static_cast<const std::byte*>(a.weights);
  for (std::size_t i = 0; i < a.words; ++i, x += 2 * kWord, weights += kNeonPanelColumns * kWord) {
    typename Words::Input v[kPairs];
#pragma GCC unroll 4
    for (std::size_t p = 0; p < kPairs; ++p) v[p] = Words::input(x + p * stride);
#pragma GCC unroll 6
    for (std::size_t c = 0; c < kColumnPairs; ++c) {
      const auto w = Words::weight(weights + 2 * c * kWord);
#pragma GCC unroll 4
      for (std::size_t p = 0; p < kPairs; ++p) {
        sum[p][c] = Words::multiply_add(v[p], w, sum[p][c]);
      }
    }
  }
  // By way of memory, as in panel.cpp.
  alignas(16) typename Words::Element raw[kPairs][kColumnPairs][4];
#pragma GCC unroll 4
  for (std::size_t p = 0; p < kPairs; ++p) {
#pragma GCC unroll 6
    for (std::size_t c = 0; c < kColumnPairs; ++c) Words::store(raw[p][c], sum[p][c]);
  }
  for (std::size_t r = 0; r < rows; ++r) {
    PanelRow result;
    for (std::size_t v = 0; v < kVectors; ++v) {
      const auto* left = raw[r / 2][2 * v] + r % 2 * 2;
      const auto* right = raw[r / 2][2 * v + 1] + r % 2 * 2;
      result.values[v] = Words::finish(left, right, a, row + r, v * kLanes);
    }
    store_row(a, row + r, result);
  }
}

template <class Words>
EMBEDTOOL_MATRIX inline void multiply(const PanelArgs& a) {
  std::size_t row = 0;
  for (; row + kRows <= a.rows; row += kRows) matrix_tile<Words, kRows / 2>(a, row, kRows);
  if (row + 4 <= a.rows) {
    matrix_tile<Words, 2>(a, row, 4);
    row += 4;
  }
  for (; row < a.rows; row += 2) matrix_tile<Words, 1>(a, row, a.rows - row < 2 ? 1 : 2);
}

}  // namespace

EMBEDTOOL_DOTPROD void multiply_dotprod_neon(const PanelArgs& a) {
  std::size_t row = 0;
  for (; row + kRows <= a.rows; row += kRows) dot_tile<kRows>(a, row);
  if (row + 4 <= a.rows) {
    dot_tile<4>(a, row);
    row += 4;
  }
  for (; row + 2 <= a.rows; row += 2) dot_tile<2>(a, row);
  if (row < a.rows) dot_tile<1>(a, row);
}

EMBEDTOOL_MATRIX void multiply_i8mm_neon(const PanelArgs& args) {
  multiply<I8Words>(args);
}

EMBEDTOOL_MATRIX void multiply_bf16_neon(const PanelArgs& args) {
  multiply<Bf16Words>(args);
}

EMBEDTOOL_MATRIX RowScale pack_bf16_neon(const float* x, std::size_t n, std::uint32_t* words) {
  auto* out = reinterpret_cast<bfloat16_t*>(words);
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) vst1_bf16(out + i, vcvt_bf16_f32(vld1q_f32(x + i)));
  if (i < n) {
    float tail[kLanes] = {};
    std::memcpy(tail, x + i, (n - i) * sizeof(float));
    vst1_bf16(out + i, vcvt_bf16_f32(vld1q_f32(tail)));
  }
  return {};
}

}  // namespace embedtool

#else  // not arm64

namespace embedtool {

void multiply_dotprod_neon(const PanelArgs&) {}
void multiply_i8mm_neon(const PanelArgs&) {}
void multiply_bf16_neon(const PanelArgs&) {}
RowScale pack_bf16_neon(const float*, std::size_t, std::uint32_t*) {
  return {};
}

}  // namespace embedtool

#endif
