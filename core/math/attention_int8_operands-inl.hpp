// The operands of attention in int8, packed (attention_int8.cpp). Included once per target, after
// vector-inl.hpp; see Highway's per-target include guards.
#if defined(EMBEDTOOL_ATTENTION_INT8_OPERANDS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef EMBEDTOOL_ATTENTION_INT8_OPERANDS_INL_HPP
#undef EMBEDTOOL_ATTENTION_INT8_OPERANDS_INL_HPP
#else
#define EMBEDTOOL_ATTENTION_INT8_OPERANDS_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "core/math/attention.hpp"
#include "core/math/attention_int8_work.hpp"
#include "core/math/vector-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace embedtool {
namespace HWY_NAMESPACE {
namespace int8 {
namespace hn = hwy::HWY_NAMESPACE;
using namespace embedtool::int8;

using F = hn::ScalableTag<float>;
using I32 = hn::RebindToSigned<F>;
using VF = hn::Vec<F>;
using VI = hn::Vec<I32>;
using NarrowSigned = hn::Rebind<std::int8_t, F>;
using NarrowUnsigned = hn::Rebind<std::uint8_t, F>;

constexpr float kLog2E = 1.44269504088896341F;

/// The bits of kRound.
constexpr std::int32_t kRoundBits = 0x4b400000;

/// The nearest integers of |x| < 2^22.
HWY_INLINE VI nearest(VF x) {
  const VF rounded = hn::Add(x, hn::Set(F(), kRound));
  return hn::Sub(hn::BitCast(I32(), rounded), hn::Set(I32(), kRoundBits));
}

/// mean[i] of the rows' dimension i, and most[i] = max |x - mean|, both [width].
inline void center(const float* rows, std::size_t stride, std::size_t count, std::size_t dims,
                   float* mean, float* most) {
  const F d;
  for (std::size_t i = 0; i < dims; i += hn::Lanes(d)) {
    VF sum = hn::Zero(d);
    VF low = hn::Set(d, std::numeric_limits<float>::max());
    VF high = hn::Set(d, std::numeric_limits<float>::lowest());
    for (std::size_t j = 0; j < count; ++j) {
      const VF x = load_tail(rows + j * stride + i, dims - i);
      sum = hn::Add(sum, x);
      low = hn::Min(low, x);
      high = hn::Max(high, x);
    }
    const VF middle = hn::Div(sum, hn::Set(d, static_cast<float>(count)));
    hn::StoreU(middle, d, mean + i);
    if (most == nullptr) continue;
    hn::StoreU(hn::Max(hn::Sub(high, middle), hn::Sub(middle, low)), d, most + i);
  }
}

/// Dimensions i … of a row, less their mean if there is one; 0 beyond `dims`.
HWY_INLINE VF centered(const float* row, const float* mean, std::size_t i, std::size_t dims) {
  const VF x = load_tail(row + i, dims - i);
  return mean == nullptr ? x : hn::Sub(x, load_tail(mean + i, dims - i));
}

/// The largest |x - mean| of one row.
HWY_INLINE float largest(const float* row, const float* mean, std::size_t dims) {
  const F d;
  VF most = hn::Zero(d);
  for (std::size_t i = 0; i < dims; i += hn::Lanes(d)) {
    most = hn::Max(most, hn::Abs(centered(row, mean, i, dims)));
  }
  return hn::GetLane(hn::MaxOfLanes(d, most));
}

/// round((x - mean) · factor) of dimensions i … of a row; 0 beyond `dims`.
HWY_INLINE VI quantized(const float* row, const float* mean, VF factor, std::size_t i,
                        std::size_t dims) {
  return nearest(hn::Mul(centered(row, mean, i, dims), factor));
}

/// What the largest of a row's elements comes out as 127 by.
HWY_INLINE VF factor_of(float most) {
  return hn::Set(F(), most > 0.0F ? 127.0F / most : 0.0F);
}

/// Packs the keys of one head, whose first is at `rows`, and their scales.
inline void pack_keys(const AttentionArgs& a, const float* rows, const Layout& layout,
                      const Head& h) {
  const I32 d;
  const std::size_t lanes = hn::Lanes(d);
  center(rows, a.stride, a.length, a.head_dim, h.key_mean, nullptr);
  std::memset(h.keys, 0, layout.key_bytes());
  for (std::size_t j = 0; j < layout.padded; ++j) {
    h.key_scale[j] = 0.0F;
    h.key_shift[j] = 0;
    if (j >= a.length) continue;
    const float* row = rows + j * a.stride;
    const float most = largest(row, h.key_mean, a.head_dim);
    VI sum = hn::Zero(d);
    for (std::size_t i = 0; i < a.head_dim; i += lanes) {
      const VI x = quantized(row, h.key_mean, factor_of(most), i, a.head_dim);
      sum = hn::Add(sum, x);
      HWY_ALIGN std::int8_t bytes[HWY_MAX_BYTES / sizeof(float)];
      hn::Store(hn::DemoteTo(NarrowSigned(), x), NarrowSigned(), bytes);
      const std::size_t quads = std::min(lanes / kQuad, layout.quads - i / kQuad);
      for (std::size_t q = 0; q < quads; ++q) {
        std::memcpy(h.keys + layout.key_offset(j, i / kQuad + q), bytes + q * kQuad, kQuad);
      }
    }
    h.key_scale[j] = most / 127.0F;
    h.key_shift[j] = -128 * hn::GetLane(hn::SumOfLanes(d, sum));
  }
}

/// The same for the values.
inline void pack_values(const AttentionArgs& a, const float* rows, const Layout& layout,
                        const Head& h) {
  const F d;
  const I32 di;
  center(rows, a.stride, a.length, a.head_dim, h.value_mean, h.value_scale);
  std::memset(h.values, 0, layout.value_bytes());
  const VI low_byte = hn::Set(di, 0xff);
  for (std::size_t i = 0; i < a.head_dim; i += hn::Lanes(d)) {
    const VF most = hn::LoadU(d, h.value_scale + i);
    const VF factor =
        hn::IfThenElseZero(hn::Gt(most, hn::Zero(d)), hn::Div(hn::Set(d, 127.0F), most));
    hn::StoreU(hn::Mul(most, hn::Set(d, 1.0F / 127.0F)), d, h.value_scale + i);
    for (std::size_t j = 0; j < layout.padded; j += kQuad) {
      VI quad = hn::Zero(di);
      for (std::size_t t = 0; t < kQuad && j + t < a.length; ++t) {
        const VI x = quantized(rows + (j + t) * a.stride, h.value_mean, factor, i, a.head_dim);
        quad = hn::Or(quad, hn::ShiftLeftSame(hn::And(x, low_byte), static_cast<int>(8 * t)));
      }
      std::int8_t* out = h.values + (j * layout.width + i * kQuad);
      hn::StoreU(quad, di, reinterpret_cast<std::int32_t*>(out));
    }
  }
}

/// Packs a query: `quads` quadruples to `out`. Returns what multiplies its scores so that they are
/// multiples of ln 2.
inline float pack_query(const AttentionArgs& a, const float* row, std::size_t quads,
                        std::uint8_t* out) {
  const float most = largest(row, nullptr, a.head_dim);
  for (std::size_t i = 0; i < quads * kQuad; i += hn::Lanes(F())) {
    const VI x =
        hn::Add(quantized(row, nullptr, factor_of(most), i, a.head_dim), hn::Set(I32(), 128));
    HWY_ALIGN std::uint8_t bytes[HWY_MAX_BYTES / sizeof(float)];
    hn::Store(hn::DemoteTo(NarrowUnsigned(), x), NarrowUnsigned(), bytes);
    std::memcpy(out + i, bytes, std::min(hn::Lanes(F()), quads * kQuad - i));
  }
  return most / 127.0F * a.scale * kLog2E;
}

/// What rounding took away from dimensions i … of a value.
HWY_INLINE VF value_error(const AttentionArgs& a, const Layout& layout, const Head& h,
                          const float* row, std::size_t key, std::size_t i) {
  const std::int8_t* quads =
      h.values + key / kQuad * kQuad * layout.width + i * kQuad;  // of the key's four tokens
  const VI four = hn::LoadU(I32(), reinterpret_cast<const std::int32_t*>(quads));
  const VI x =
      hn::ShiftRight<24>(hn::ShiftLeftSame(four, static_cast<int>(24 - 8 * (key % kQuad))));
  const VF exact = hn::Sub(load_tail(row + i, a.head_dim - i), hn::LoadU(F(), h.value_mean + i));
  return hn::NegMulAdd(hn::ConvertTo(F(), x), hn::LoadU(F(), h.value_scale + i), exact);
}

}  // namespace int8
}  // namespace HWY_NAMESPACE
}  // namespace embedtool
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
