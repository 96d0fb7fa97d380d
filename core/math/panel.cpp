// Highway kernels of the native GEMM, on every instruction set: f32, bf16 by widening the weights,
// and int8 by 16-bit products; on x86-64 bf16 by pairs and int8 by quadruples where the CPU has
// them.
#include "core/math/panel.hpp"

#include <cstring>

#include "core/base/check.hpp"
#include "core/base/memory.hpp"
#include "core/math/kernels.hpp"
#include "core/math/panel_neon.hpp"
#include "core/math/panel_pack.hpp"

#include <hwy/cache_control.h>

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

// Rows and vectors of columns computed together: as many sums as the register file holds beside the
// operands. Of 32 registers (AVX-512, NEON) 8 × 3; on AVX-512, 6 × 4 and 14 × 2 measured the same.
// Of 16, 6 × 2 leaves two for weights, one for an input and one for a product that is still to be
// added; 4 × 3 spills, and reaches 84 % of the peak of f32 on Zen 3 where this reaches 93 %.
//
// Weights are fetched some bytes ahead: Zen 3's own prefetching does not keep up with panels that
// come from L3 (1536 × 1536: 82 % of the peak without, 88 % with it). The larger tiles take longer
// over each word, and do without.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr std::size_t kRows = 8;
constexpr std::size_t kVectors = 3;
constexpr std::size_t kFetchAhead = 0;
#else
constexpr std::size_t kRows = 6;
constexpr std::size_t kVectors = 2;
constexpr std::size_t kFetchAhead = 1024;
#endif

/// Bytes of a word.
constexpr std::size_t kWord = sizeof(std::uint32_t);

/// Columns of a panel.
std::size_t PanelColumns() {
  return kVectors * hn::Lanes(F());
}

/// PanelArgs' value(sum) for integers.
HWY_INLINE hn::Vec<F> scale_sum(hn::Vec<I32> sum, const RowScale& row, hn::Vec<F> column_scale,
                                hn::Vec<F> column_sum) {
  const F d;
  const hn::Vec<F> scale = hn::Mul(hn::Set(d, row.scale), column_scale);
  const hn::Vec<F> shift = hn::Mul(hn::Set(d, row.offset), column_sum);
  return hn::MulAdd(hn::ConvertTo(d, sum), scale, shift);
}

/// The vectors of a word format and their multiply-add. `kParts` is how many inputs of a word are
/// multiplied one after the other, each broadcast by itself.
struct F32Words {
  static constexpr std::size_t kRowsTogether = kRows;
  static constexpr std::size_t kParts = 1;
  using SumTag = F;
  using Element = float;
  using Sum = hn::Vec<F>;
  static HWY_INLINE Sum zero() { return hn::Zero(F()); }
  template <std::size_t kPart>
  static HWY_INLINE Sum load(const std::byte* weights) {
    return hn::LoadU(F(), reinterpret_cast<const float*>(weights));
  }
  static HWY_INLINE Sum broadcast(const std::byte* x) {
    return hn::Set(F(), *reinterpret_cast<const float*>(x));
  }
  static HWY_INLINE Sum multiply_add(Sum x, Sum w, Sum sum) { return hn::MulAdd(x, w, sum); }
  static HWY_INLINE void store(Sum sum, float* raw) { hn::StoreU(sum, F(), raw); }
  static HWY_INLINE hn::Vec<F> finish(Sum sum, const PanelArgs&, std::size_t, std::size_t) {
    return sum;
  }
};

/// Of a pair of bf16 weights the first is in the lower half: shifted up, or what is below masked
/// away, each is an f32. Part by part is loaded anew, which spares the registers that would hold
/// it.
struct WidenedWords : F32Words {
  static constexpr std::size_t kParts = 2;
  template <std::size_t kPart>
  static HWY_INLINE Sum load(const std::byte* weights) {
    const hn::RebindToUnsigned<F> d;
    const auto pair = hn::LoadU(d, reinterpret_cast<const std::uint32_t*>(weights));
    return hn::BitCast(
        F(), kPart == 0 ? hn::ShiftLeft<16>(pair) : hn::And(pair, hn::Set(d, 0xffff0000U)));
  }
};

#if EMBEDTOOL_HAS_BF16_PAIRS
struct Bf16Words : F32Words {
  static HWY_INLINE Sum multiply_add(Sum x, Sum w, Sum sum) { return add_bf16_pairs(sum, x, w); }
};
#endif

#if HWY_TARGET != HWY_SCALAR
struct I16Words {
  static constexpr std::size_t kParts = 1;
  using Tag = hn::Repartition<std::int16_t, I32>;
  using Operand = hn::Vec<Tag>;
  using SumTag = I32;
  using Element = std::int32_t;
#if HWY_ARCH_X86
  static constexpr std::size_t kRowsTogether = kRows;
  using Sum = hn::Vec<I32>;
  static HWY_INLINE Sum zero() {
    return hn::Zero(I32());
  }
  static HWY_INLINE Sum multiply_add(Operand x, Operand w, Sum sum) {
    Sum odd = hn::Zero(I32());  // stays zero: one instruction sums neighbouring products
    const Sum even = hn::ReorderWidenMulAccumulate(I32(), x, w, sum, odd);
    return hn::Add(even, odd);
  }
  static HWY_INLINE void store(Sum sum, std::int32_t* raw) {
    hn::StoreU(sum, I32(), raw);
  }
#else
  /// Neighbouring products are summed in the end.
  struct Sum {
    HWY_INLINE Sum() : low(hn::Zero(I32())), high(low) {}  // an implicit one would lack the target
    hn::Vec<I32> low;
    hn::Vec<I32> high;
  };
  static constexpr std::size_t kRowsTogether = kRows / 2;
  static HWY_INLINE Sum zero() {
    return Sum();
  }
  static HWY_INLINE Sum multiply_add(Operand x, Operand w, Sum sum) {
    sum.low = hn::ReorderWidenMulAccumulate(I32(), x, w, sum.low, sum.high);
    return sum;
  }
  static HWY_INLINE void store(Sum sum, std::int32_t* raw) {
    hn::StoreU(hn::RearrangeToOddPlusEven(sum.low, sum.high), I32(), raw);
  }
#endif
  template <std::size_t kPart>
  static HWY_INLINE Operand load(const std::byte* weights) {
    return hn::LoadU(Tag(), reinterpret_cast<const std::int16_t*>(weights));
  }
  static HWY_INLINE Operand broadcast(const std::byte* x) {
    std::int32_t pair;
    std::memcpy(&pair, x, sizeof(pair));
    return hn::BitCast(Tag(), hn::Set(I32(), pair));
  }
  static HWY_INLINE hn::Vec<F> finish(hn::Vec<I32> sum, const PanelArgs& a, std::size_t row,
                                      std::size_t column) {
    return scale_sum(sum, a.row_scale[row], hn::LoadU(F(), a.column_scale + column),
                     hn::LoadU(F(), a.column_sum + column));
  }
};
#endif

#if EMBEDTOOL_HAS_QUADS && HWY_ARCH_X86  // arm64 has better: panel_neon.cpp
struct I8Words : I16Words {
  using Operand = Quads;
  static HWY_INLINE Sum multiply_add(Operand x, Operand w, Sum sum) { return add_quads(sum, x, w); }
  template <std::size_t kPart>
  static HWY_INLINE Operand load(const std::byte* weights) {
    return hn::LoadU(I32(), reinterpret_cast<const std::int32_t*>(weights));
  }
  static HWY_INLINE Operand broadcast(const std::byte* x) { return broadcast_quad(x); }
};
#endif

/// Adds the products of one input of each row, from `x` on, with its weights for all columns.
template <class Words, std::size_t kPart, std::size_t kTileRows>
HWY_INLINE void add_products(const std::byte* x, std::size_t x_stride, const std::byte* weights,
                             typename Words::Sum (&sum)[kTileRows][kVectors]) {
  const std::size_t lanes = hn::Lanes(F());
  decltype(Words::template load<kPart>(weights)) w[kVectors];
#pragma GCC unroll 3
  for (std::size_t v = 0; v < kVectors; ++v) {
    w[v] = Words::template load<kPart>(weights + v * lanes * kWord);
  }
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kTileRows; ++r) {
    const auto input = Words::broadcast(x + (r * x_stride + kPart) * kWord);
#pragma GCC unroll 3
    for (std::size_t v = 0; v < kVectors; ++v) {
      sum[r][v] = Words::multiply_add(input, w[v], sum[r][v]);
    }
  }
}

/// kTileRows rows from `row` on by the whole panel.
template <class Words, std::size_t kTileRows>
HWY_INLINE void tile(const PanelArgs& a, std::size_t row) {
  constexpr std::size_t kParts = Words::kParts;
  const std::size_t lanes = hn::Lanes(F());
  typename Words::Sum sum[kTileRows][kVectors];
  for (auto& sums : sum) {
    for (auto& s : sums) s = Words::zero();
  }
  const std::byte* x = static_cast<const std::byte*>(a.x) + row * a.x_stride * kWord;
  const auto* weights = static_cast<const std::byte*>(a.weights);
  const std::size_t whole = kParts == 1 ? a.words : a.inputs / kParts;
  const std::size_t panel_row = kVectors * lanes * kWord;
  for (std::size_t i = 0; i < whole; ++i, x += kParts * kWord, weights += panel_row) {
    if (kFetchAhead > 0) hwy::Prefetch(weights + kFetchAhead);
    add_products<Words, 0>(x, a.x_stride, weights, sum);
    if constexpr (kParts > 1) add_products<Words, 1>(x, a.x_stride, weights, sum);
  }
  if (whole < a.words) add_products<Words, 0>(x, a.x_stride, weights, sum);
  // By way of memory: with anything but plain stores here g++ 12 keeps the sums in memory for the
  // whole loop above, at half the speed.
  HWY_ALIGN typename Words::Element raw[kTileRows * kVectors * (HWY_MAX_BYTES / sizeof(float))];
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < kVectors; ++v) {
      Words::store(sum[r][v], raw + (r * kVectors + v) * lanes);
    }
  }
  for (std::size_t r = 0; r < kTileRows; ++r) {
    float* const y = a.y + (row + r) * a.y_stride;
    for (std::size_t v = 0; v < kVectors && v * lanes < a.used; ++v) {
      const std::size_t c = v * lanes;
      const auto total = hn::LoadU(typename Words::SumTag(), raw + (r * kVectors + v) * lanes);
      const auto scaled = Words::finish(total, a, row + r, c);
      store_tail(hn::Add(scaled, hn::LoadU(F(), a.bias + c)), y + c, a.used - c);
    }
  }
}

template <class Words>
HWY_INLINE void multiply(const PanelArgs& a) {
  constexpr std::size_t kTogether = Words::kRowsTogether;
  std::size_t row = 0;
  for (; row + kTogether <= a.rows; row += kTogether) tile<Words, kTogether>(a, row);
  if (kTogether > 4 && row + 4 <= a.rows) {
    tile<Words, 4>(a, row);
    row += 4;
  }
  for (; row + 2 <= a.rows; row += 2) tile<Words, 2>(a, row);
  if (row < a.rows) tile<Words, 1>(a, row);
}

void MultiplyF32(const PanelArgs& args) {
  multiply<F32Words>(args);
}

void MultiplyWidened(const PanelArgs& args) {
  multiply<WidenedWords>(args);
}

void MultiplyBf16(const PanelArgs& args) {
#if EMBEDTOOL_HAS_BF16_PAIRS
  multiply<Bf16Words>(args);
#else
  (void)args;
#endif
}

void MultiplyI16(const PanelArgs& args) {
#if HWY_TARGET != HWY_SCALAR
  multiply<I16Words>(args);
#else
  (void)args;
#endif
}

void MultiplyI8(const PanelArgs& args) {
#if EMBEDTOOL_HAS_QUADS && HWY_ARCH_X86
  multiply<I8Words>(args);
#else
  (void)args;
#endif
}

void ScaleSums(const ScaleSumsArgs& a) {
  const std::size_t lanes = hn::Lanes(F());
  for (std::size_t r = 0; r < a.rows; ++r) {
    float* row = a.values + r * a.n;
    for (std::size_t i = 0; i < a.n; i += lanes) {
      const std::size_t left = a.n - i;
      const hn::Vec<I32> sum = hn::BitCast(I32(), load_tail(row + i, left));
      const hn::Vec<F> value = scale_sum(sum, a.row_scale[r], load_tail(a.column_scale + i, left),
                                         load_tail(a.column_sum + i, left));
      store_tail(value, row + i, left);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace embedtool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embedtool {

HWY_EXPORT(PanelColumns);
HWY_EXPORT(MultiplyF32);
HWY_EXPORT(MultiplyWidened);
HWY_EXPORT(MultiplyBf16);
HWY_EXPORT(MultiplyI16);
HWY_EXPORT(MultiplyI8);
HWY_EXPORT(ScaleSums);

namespace {

std::size_t panel_columns() {
  return HWY_DYNAMIC_DISPATCH(PanelColumns)();
}

void multiply_f32(const PanelArgs& args) {
  EMBEDTOOL_CHECK(args.used <= panel_columns() && args.x_stride >= args.words);
  HWY_DYNAMIC_DISPATCH(MultiplyF32)(args);
}

void multiply_widened(const PanelArgs& args) {
  EMBEDTOOL_CHECK(args.used <= panel_columns() && args.x_stride >= args.inputs);
  HWY_DYNAMIC_DISPATCH(MultiplyWidened)(args);
}

void multiply_bf16(const PanelArgs& args) {
  EMBEDTOOL_CHECK(args.used <= panel_columns() && args.x_stride >= args.words);
  HWY_DYNAMIC_DISPATCH(MultiplyBf16)(args);
}

void multiply_i16(const PanelArgs& args) {
  EMBEDTOOL_CHECK(args.used <= panel_columns() && args.x_stride >= args.words);
  HWY_DYNAMIC_DISPATCH(MultiplyI16)(args);
}

void multiply_i8(const PanelArgs& args) {
  EMBEDTOOL_CHECK(args.used <= panel_columns() && args.x_stride >= args.words);
  HWY_DYNAMIC_DISPATCH(MultiplyI8)(args);
}

}  // namespace

std::int32_t packed_sum(WordFormat format, const std::uint32_t* words, std::size_t n) {
  std::int32_t sum = 0;
  if (format == WordFormat::i16x2) {
    const auto* w = reinterpret_cast<const std::int16_t*>(words);
    for (std::size_t i = 0; i < n; ++i) sum += w[i];
  } else {
    const auto* w = reinterpret_cast<const std::int8_t*>(words);
    for (std::size_t i = 0; i < n; ++i) sum += w[i];
  }
  return sum;
}

void scale_sums(const ScaleSumsArgs& args) {
  HWY_DYNAMIC_DISPATCH(ScaleSums)(args);
}

namespace {

PanelKernel bf16_dot_kernel() {
  if (has_extension(IsaExtension::avx512_bf16)) {
    return {.format = WordFormat::bf16x2,
            .columns = panel_columns(),
            .instructions = "AVX512-BF16",
            .multiply = multiply_bf16,
            .pack_input = pack_bf16,
            .pack_weight = pack_bf16};
  }
  if (has_extension(IsaExtension::neon_bf16)) {
    return {.format = WordFormat::bf16x4,
            .columns = kNeonPanelColumns,
            .instructions = "NEON-BF16",
            .multiply = multiply_bf16_neon,
            .pack_input = pack_bf16_neon,
            .pack_weight = pack_bf16_neon};
  }
  return {};
}

PanelKernel bf16_kernel() {
  PanelKernel dot = bf16_dot_kernel();
  if (dot.multiply != nullptr && !has_slow_bf16_dot()) return dot;
  return {.format = WordFormat::bf16x2_widened,
          .columns = panel_columns(),
          .instructions = kernel_isa() + " (widened weights)",
          .multiply = multiply_widened,
          .pack_weight = pack_weight_bf16};
}

PanelKernel int8_dot_kernel() {
  if (has_extension(IsaExtension::neon_i8mm)) {
    return {.format = WordFormat::i8x8,
            .columns = kNeonPanelColumns,
            .instructions = "NEON-I8MM",
            .multiply = multiply_i8mm_neon,
            .pack_input = pack_input_i8x8,
            .pack_weight = pack_weight_i8x8};
  }
  if (has_extension(IsaExtension::neon_dotprod)) {
    return {.format = WordFormat::s8x4,
            .columns = kNeonPanelColumns,
            .instructions = "NEON-DOTPROD",
            .multiply = multiply_dotprod_neon,
            .pack_input = pack_input_s8,
            .pack_weight = pack_weight_i8};
  }
  if (has_quads()) {
    return {.format = WordFormat::i8x4,
            .columns = panel_columns(),
            .instructions = has_extension(IsaExtension::avx512_vnni) ? "AVX512-VNNI" : "AVX-VNNI",
            .multiply = multiply_i8,
            .pack_input = pack_input_i8,
            .pack_weight = pack_weight_i8};
  }
  return {};
}

PanelKernel int8_kernel() {
  PanelKernel dot = int8_dot_kernel();
  if (dot.multiply != nullptr || kernel_isa() == "SCALAR") return dot;
  return {.format = WordFormat::i16x2,
          .columns = panel_columns(),
          .instructions = kernel_isa() + " (16-bit products)",
          .multiply = multiply_i16,
          .pack_input = pack_input_i16,
          .pack_weight = pack_weight_i16};
}

}  // namespace

PanelKernel dot_kernel(Compute compute) {
  switch (compute) {
    case Compute::f32:
      return {};
    case Compute::bf16:
      return bf16_dot_kernel();
    case Compute::int8:
      return int8_dot_kernel();
  }
  return {};  // no precision
}

PanelKernel panel_kernel(Compute compute) {
  switch (compute) {
    case Compute::f32:
      return {.format = WordFormat::f32x1,
              .columns = panel_columns(),
              .instructions = kernel_isa(),
              .multiply = multiply_f32};
    case Compute::bf16:
      return bf16_kernel();
    case Compute::int8:
      return int8_kernel();
  }
  return {};  // no precision
}

}  // namespace embedtool
#endif  // HWY_ONCE
