// Rows of f32 as the words that the panels multiply, on every instruction set.
#include "core/math/panel_pack.hpp"

#include <cstring>

#include "core/base/check.hpp"
#include "core/math/half.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/math/panel_pack.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/math/vector-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace embedtool {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F = hn::ScalableTag<float>;

/// out[i] = round((x[i] - shift) · factor), in the integer type that `narrow` demotes to.
template <class Narrow>
HWY_INLINE void quantize_row(const float* x, std::size_t n, float shift, float factor,
                             Narrow narrow, hn::TFromD<Narrow>* out) {
  const F d;
  const std::size_t lanes = hn::Lanes(d);
  const hn::Vec<F> s = hn::Set(d, shift);
  const hn::Vec<F> f = hn::Set(d, factor);
  const auto quantize = [&](hn::Vec<F> v) HWY_ATTR {
    return hn::DemoteTo(narrow, hn::NearestInt(hn::Mul(hn::Sub(v, s), f)));
  };
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(quantize(hn::LoadU(d, x + i)), narrow, out + i);
  }
  if (i < n) {
    HWY_ALIGN hn::TFromD<Narrow> block[HWY_MAX_BYTES / sizeof(float)];
    hn::Store(quantize(load_tail(x + i, n - i)), narrow, block);
    for (std::size_t j = 0; i + j < n; ++j) out[i + j] = block[j];
  }
}

struct Range {
  float least;
  float largest;
};

HWY_INLINE Range range_of(const float* x, std::size_t n) {
  const F d;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<F> least = hn::Set(d, x[0]);
  hn::Vec<F> largest = least;
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const hn::Vec<F> v = hn::LoadU(d, x + i);
    least = hn::Min(least, v);
    largest = hn::Max(largest, v);
  }
  Range range{hn::GetLane(hn::MinOfLanes(d, least)), hn::GetLane(hn::MaxOfLanes(d, largest))};
  for (; i < n; ++i) {
    range.least = x[i] < range.least ? x[i] : range.least;
    range.largest = x[i] > range.largest ? x[i] : range.largest;
  }
  return range;
}

template <class Narrow>
HWY_INLINE RowScale pack_input_row(const float* x, std::size_t n, Narrow narrow,
                                   hn::TFromD<Narrow>* out) {
  const Range range = range_of(x, n);
  const float width = range.largest - range.least;
  quantize_row(x, n, range.least, width > 0.0F ? 255.0F / width : 0.0F, narrow, out);
  return {width / 255.0F, range.least};
}

template <class Narrow>
HWY_INLINE RowScale pack_weight_row(const float* w, std::size_t n, Narrow narrow,
                                    hn::TFromD<Narrow>* out) {
  const Range range = range_of(w, n);
  const float largest = -range.least > range.largest ? -range.least : range.largest;
  quantize_row(w, n, 0.0F, largest > 0.0F ? 127.0F / largest : 0.0F, narrow, out);
  return {largest / 127.0F, 0.0F};
}

RowScale PackInputI16(const float* x, std::size_t n, std::uint32_t* words) {
  words[(n - 1) / 2] = 0;
  return pack_input_row(x, n, hn::Rebind<std::int16_t, F>(),
                        reinterpret_cast<std::int16_t*>(words));
}

RowScale PackWeightI16(const float* w, std::size_t n, std::uint32_t* words) {
  words[(n - 1) / 2] = 0;
  return pack_weight_row(w, n, hn::Rebind<std::int16_t, F>(),
                         reinterpret_cast<std::int16_t*>(words));
}

RowScale PackInputI8(const float* x, std::size_t n, std::uint32_t* words) {
  words[(n - 1) / 4] = 0;
  return pack_input_row(x, n, hn::Rebind<std::uint8_t, F>(),
                        reinterpret_cast<std::uint8_t*>(words));
}

RowScale PackWeightI8(const float* w, std::size_t n, std::uint32_t* words) {
  words[(n - 1) / 4] = 0;
  return pack_weight_row(w, n, hn::Rebind<std::int8_t, F>(), reinterpret_cast<std::int8_t*>(words));
}

RowScale PackBf16([[maybe_unused]] const float* x, [[maybe_unused]] std::size_t n,
                  [[maybe_unused]] std::uint32_t* words) {
#if EMBEDTOOL_HAS_BF16_PAIRS
  const hn::Rebind<std::uint16_t, F> narrow;
  const std::size_t lanes = hn::Lanes(F());
  auto* out = reinterpret_cast<std::uint16_t*>(words);
  if (n % 2 != 0) out[n] = 0;
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(to_bf16(hn::LoadU(F(), x + i)), narrow, out + i);
  if (i < n) {
    HWY_ALIGN std::uint16_t tail[HWY_MAX_BYTES / sizeof(float)];
    hn::Store(to_bf16(load_tail(x + i, n - i)), narrow, tail);
    std::memcpy(out + i, tail, (n - i) * sizeof(std::uint16_t));
  }
#endif
  return {};
}

}  // namespace HWY_NAMESPACE
}  // namespace embedtool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embedtool {

HWY_EXPORT(PackBf16);
HWY_EXPORT(PackInputI16);
HWY_EXPORT(PackWeightI16);
HWY_EXPORT(PackInputI8);
HWY_EXPORT(PackWeightI8);

RowScale pack_weight_bf16(const float* w, std::size_t n, std::uint32_t* words) {
  auto* out = reinterpret_cast<std::uint16_t*>(words);
  for (std::size_t i = 0; i < n; ++i) out[i] = float_to_bf16(w[i]);
  if (n % 2 != 0) out[n] = 0;
  return {};
}

RowScale pack_bf16(const float* x, std::size_t n, std::uint32_t* words) {
  return HWY_DYNAMIC_DISPATCH(PackBf16)(x, n, words);
}

RowScale pack_input_i16(const float* x, std::size_t n, std::uint32_t* words) {
  EMBEDTOOL_CHECK(n > 0);
  return HWY_DYNAMIC_DISPATCH(PackInputI16)(x, n, words);
}

RowScale pack_weight_i16(const float* w, std::size_t n, std::uint32_t* words) {
  EMBEDTOOL_CHECK(n > 0);
  return HWY_DYNAMIC_DISPATCH(PackWeightI16)(w, n, words);
}

RowScale pack_input_i8(const float* x, std::size_t n, std::uint32_t* words) {
  EMBEDTOOL_CHECK(n > 0);
  return HWY_DYNAMIC_DISPATCH(PackInputI8)(x, n, words);
}

RowScale pack_weight_i8(const float* w, std::size_t n, std::uint32_t* words) {
  EMBEDTOOL_CHECK(n > 0);
  return HWY_DYNAMIC_DISPATCH(PackWeightI8)(w, n, words);
}

RowScale pack_input_s8(const float* x, std::size_t n, std::uint32_t* words) {
  const RowScale scale = pack_input_i8(x, n, words);
  // Less 128 is the highest bit turned over. Weights beyond the last input are zeros.
  for (std::size_t i = 0; i < (n + 3) / 4; ++i) words[i] ^= 0x80808080U;
  return scale;
}

RowScale pack_input_i8x8(const float* x, std::size_t n, std::uint32_t* words) {
  words[(n - 1) / 8 * 2 + 1] = 0;
  return pack_input_i8(x, n, words);
}

RowScale pack_weight_i8x8(const float* w, std::size_t n, std::uint32_t* words) {
  words[(n - 1) / 8 * 2 + 1] = 0;
  return pack_weight_i8(w, n, words);
}

}  // namespace embedtool
#endif  // HWY_ONCE
