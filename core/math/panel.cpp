// Highway kernels of the native GEMM: f32, and int8 by 16-bit products, on every instruction set.
#include "core/math/panel.hpp"

#include <cstring>

#include "core/base/memory.hpp"
#include "core/math/kernels.hpp"
#include "core/math/panel_avx512.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/math/panel.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/math/vector-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace embedtool {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F = hn::ScalableTag<float>;
using I32 = hn::RebindToSigned<F>;

// Rows and vectors of columns computed together: as many accumulators as the register file holds
// beside the operands (32 registers on AVX-512, 16 elsewhere).
constexpr std::size_t kVectors = 3;
#if HWY_TARGET <= HWY_AVX3
constexpr std::size_t kRows = 8;
#else
constexpr std::size_t kRows = 4;
#endif

/// Bytes of a word, and of a panel's row of words.
constexpr std::size_t kWord = sizeof(std::uint32_t);
constexpr std::size_t kPanelRow = kPanelColumns * kWord;

/// The vectors of a word format and their multiply-add.
struct F32Words {
  using Sum = hn::Vec<F>;
  static HWY_INLINE Sum zero() { return hn::Zero(F()); }
  static HWY_INLINE Sum load(const std::byte* weights) {
    return hn::LoadU(F(), reinterpret_cast<const float*>(weights));
  }
  static HWY_INLINE Sum broadcast(const std::byte* x) {
    return hn::Set(F(), *reinterpret_cast<const float*>(x));
  }
  static HWY_INLINE Sum multiply_add(Sum x, Sum w, Sum sum) { return hn::MulAdd(x, w, sum); }
  static HWY_INLINE hn::Vec<F> finish(Sum sum, const PanelArgs&, std::size_t, std::size_t) {
    return sum;
  }
};

#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
struct I16Words {
  using Tag = hn::Repartition<std::int16_t, I32>;
  using Operand = hn::Vec<Tag>;
  using Sum = hn::Vec<I32>;
  static HWY_INLINE Sum zero() { return hn::Zero(I32()); }
  static HWY_INLINE Operand load(const std::byte* weights) {
    return hn::LoadU(Tag(), reinterpret_cast<const std::int16_t*>(weights));
  }
  static HWY_INLINE Operand broadcast(const std::byte* x) {
    std::int32_t pair;
    std::memcpy(&pair, x, sizeof(pair));
    return hn::BitCast(Tag(), hn::Set(I32(), pair));
  }
  static HWY_INLINE Sum multiply_add(Operand x, Operand w, Sum sum) {
    Sum unused = hn::Zero(I32());  // x86 sums neighbouring products into one accumulator
    return hn::ReorderWidenMulAccumulate(I32(), x, w, sum, unused);
  }
  static HWY_INLINE hn::Vec<F> finish(Sum sum, const PanelArgs& a, std::size_t row,
                                      std::size_t column) {
    const hn::Vec<F> scale =
        hn::Mul(hn::Set(F(), a.row_scale[row]), hn::LoadU(F(), a.column_scale + column));
    return hn::Mul(hn::ConvertTo(F(), sum), scale);
  }
};
#endif

/// kTileRows rows from `row` on by kVectors vectors of columns from `column` on, into `y`.
template <class Words, std::size_t kTileRows>
HWY_INLINE void tile(const PanelArgs& a, std::size_t row, std::size_t column, float* y,
                     std::size_t y_stride) {
  const std::size_t lanes = hn::Lanes(F());
  typename Words::Sum sum[kTileRows][kVectors];
  for (auto& sums : sum) {
    for (auto& s : sums) s = Words::zero();
  }
  const std::byte* x = static_cast<const std::byte*>(a.x) + row * a.x_stride * kWord;
  const std::byte* weights = static_cast<const std::byte*>(a.weights) + column * kWord;
  for (std::size_t i = 0; i < a.words; ++i, x += kWord, weights += kPanelRow) {
    const auto w0 = Words::load(weights);
    const auto w1 = Words::load(weights + lanes * kWord);
    const auto w2 = Words::load(weights + 2 * lanes * kWord);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kTileRows; ++r) {
      const auto v = Words::broadcast(x + r * a.x_stride * kWord);
      sum[r][0] = Words::multiply_add(v, w0, sum[r][0]);
      sum[r][1] = Words::multiply_add(v, w1, sum[r][1]);
      sum[r][2] = Words::multiply_add(v, w2, sum[r][2]);
    }
  }
  // Where a loop over the sums is not unrolled, they stay in memory throughout.
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < kVectors; ++v) {
      const std::size_t c = column + v * lanes;
      const auto scaled = Words::finish(sum[r][v], a, row + r, c);
      hn::StoreU(hn::Add(scaled, hn::LoadU(F(), a.bias + c)), F(), y + r * y_stride + c);
    }
  }
}

template <class Words, std::size_t kTileRows>
HWY_INLINE void tile_row(const PanelArgs& a, std::size_t row) {
  const std::size_t step = kVectors * hn::Lanes(F());
  if (a.columns == kPanelColumns) {
    for (std::size_t c = 0; c < kPanelColumns; c += step) {
      tile<Words, kTileRows>(a, row, c, a.y + row * a.y_stride, a.y_stride);
    }
    return;
  }
  HWY_ALIGN float whole[kTileRows * kPanelColumns];
  for (std::size_t c = 0; c < a.columns; c += step) {
    tile<Words, kTileRows>(a, row, c, whole, kPanelColumns);
  }
  for (std::size_t r = 0; r < kTileRows; ++r) {
    std::memcpy(a.y + (row + r) * a.y_stride, whole + r * kPanelColumns, a.columns * sizeof(float));
  }
}

template <class Words>
HWY_INLINE void multiply(const PanelArgs& a) {
  std::size_t row = 0;
  for (; row + kRows <= a.rows; row += kRows) tile_row<Words, kRows>(a, row);
  if (kRows > 4 && row + 4 <= a.rows) {
    tile_row<Words, 4>(a, row);
    row += 4;
  }
  for (; row + 2 <= a.rows; row += 2) tile_row<Words, 2>(a, row);
  if (row < a.rows) tile_row<Words, 1>(a, row);
}

void MultiplyF32(const PanelArgs& args) {
  multiply<F32Words>(args);
}

void MultiplyI16(const PanelArgs& args) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  multiply<I16Words>(args);
#else
  (void)args;
#endif
}

/// out[i] = round(127 x[i] / max|x|) + offset, in the integer type that `narrow` demotes to;
/// returns the scale, max|x| / 127.
template <class Narrow>
HWY_INLINE float quantize_row(const float* x, std::size_t n, Narrow narrow, std::int32_t offset,
                              hn::TFromD<Narrow>* out) {
  const F d;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<F> top = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) top = hn::Max(top, hn::Abs(hn::LoadU(d, x + i)));
  if (i < n) top = hn::Max(top, hn::Abs(load_tail(x + i, n - i)));
  const float largest = hn::GetLane(hn::MaxOfLanes(d, top));
  const hn::Vec<F> factor = hn::Set(d, largest > 0.0F ? 127.0F / largest : 0.0F);
  const hn::Vec<I32> shift = hn::Set(I32(), offset);
  const auto quantize = [&](hn::Vec<F> v) HWY_ATTR {
    return hn::DemoteTo(narrow, hn::Add(hn::NearestInt(hn::Mul(v, factor)), shift));
  };
  for (i = 0; i + lanes <= n; i += lanes) {
    hn::StoreU(quantize(hn::LoadU(d, x + i)), narrow, out + i);
  }
  if (i < n) {
    HWY_ALIGN hn::TFromD<Narrow> block[HWY_MAX_BYTES / sizeof(float)];
    hn::Store(quantize(load_tail(x + i, n - i)), narrow, block);
    for (std::size_t j = 0; i + j < n; ++j) out[i + j] = block[j];
  }
  return largest / 127.0F;
}

/// int8 values, 16 bits each.
float PackI16(const float* x, std::size_t n, std::uint32_t* words) {
  if (n % 2 != 0) words[n / 2] = 0;
  return quantize_row(x, n, hn::Rebind<std::int16_t, F>(), 0,
                      reinterpret_cast<std::int16_t*>(words));
}

/// 128 is added to make them unsigned; what that adds to the sums is taken out by column_offset.
float PackU8(const float* x, std::size_t n, std::uint32_t* words) {
  if (n % 4 != 0) words[n / 4] = 0;
  return quantize_row(x, n, hn::Rebind<std::uint8_t, F>(), 128,
                      reinterpret_cast<std::uint8_t*>(words));
}

void ScaleSums(const ScaleSumsArgs& a) {
  const F d;
  const I32 di;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t r = 0; r < a.rows; ++r) {
    float* row = a.values + r * a.n;
    const hn::Vec<F> row_scale = hn::Set(d, a.row_scale[r]);
    for (std::size_t i = 0; i < a.n; i += lanes) {
      const std::size_t left = a.n - i;
      const auto sum = hn::BitCast(di, load_tail(row + i, left));
      HWY_ALIGN std::int32_t offset[HWY_MAX_BYTES / sizeof(std::int32_t)] = {};
      std::memcpy(offset, a.column_offset + i,
                  (left < lanes ? left : lanes) * sizeof(std::int32_t));
      const hn::Vec<F> scale = hn::Mul(row_scale, load_tail(a.column_scale + i, left));
      const hn::Vec<F> value = hn::ConvertTo(d, hn::Sub(sum, hn::Load(di, offset)));
      store_tail(hn::Mul(value, scale), row + i, left);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace embedtool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embedtool {

HWY_EXPORT(MultiplyF32);
HWY_EXPORT(MultiplyI16);
HWY_EXPORT(PackI16);
HWY_EXPORT(PackU8);
HWY_EXPORT(ScaleSums);

namespace {

void multiply_f32(const PanelArgs& args) {
  HWY_DYNAMIC_DISPATCH(MultiplyF32)(args);
}

void multiply_i16(const PanelArgs& args) {
  HWY_DYNAMIC_DISPATCH(MultiplyI16)(args);
}

float pack_i16(const float* x, std::size_t n, std::uint32_t* words) {
  return HWY_DYNAMIC_DISPATCH(PackI16)(x, n, words);
}

float pack_u8(const float* x, std::size_t n, std::uint32_t* words) {
  return HWY_DYNAMIC_DISPATCH(PackU8)(x, n, words);
}

}  // namespace

std::int32_t make_signed(std::uint32_t* words, std::size_t n) {
  auto* bytes = reinterpret_cast<std::uint8_t*>(words);
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    sum += bytes[i] - 128;
    bytes[i] = static_cast<std::uint8_t>(bytes[i] ^ 0x80U);
  }
  return 128 * sum;
}

void scale_sums(const ScaleSumsArgs& args) {
  HWY_DYNAMIC_DISPATCH(ScaleSums)(args);
}

PanelKernel panel_kernel(Compute compute) {
  if (compute == Compute::f32) return {WordFormat::f32x1, kernel_isa(), multiply_f32, nullptr};
  if (compute == Compute::bf16) {
    if (!has_avx512_bf16()) return {WordFormat::bf16x2, "", nullptr, nullptr};
    return {WordFormat::bf16x2, "AVX512-BF16", multiply_bf16_avx512, pack_bf16_avx512};
  }
  if (has_avx512_vnni()) return {WordFormat::i8x4, "AVX512-VNNI", multiply_i8_avx512, pack_u8};
  if (!HWY_ARCH_X86 || kernel_isa() == "SCALAR") return {WordFormat::i16x2, "", nullptr, nullptr};
  return {WordFormat::i16x2, kernel_isa() + " (16-bit products)", multiply_i16, pack_i16};
}

}  // namespace embedtool
#endif  // HWY_ONCE
