// Per-target helpers shared by the Highway sources of this room. Included once per target, after
// hwy/highway.h; see Highway's per-target include guards.
#if defined(EMBEDTOOL_VECTOR_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef EMBEDTOOL_VECTOR_INL_HPP
#undef EMBEDTOOL_VECTOR_INL_HPP
#else
#define EMBEDTOOL_VECTOR_INL_HPP
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace embedtool {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The first `count` floats at `x`, then zeros; reads nothing beyond.
HWY_INLINE hn::Vec<hn::ScalableTag<float>> load_tail(const float* x, std::size_t count) {
  const hn::ScalableTag<float> d;
  if (count >= hn::Lanes(d)) return hn::LoadU(d, x);
  HWY_ALIGN float tail[HWY_MAX_BYTES / sizeof(float)] = {};
  std::memcpy(tail, x, count * sizeof(float));
  return hn::Load(d, tail);
}

/// Stores the first `count` lanes; writes nothing beyond.
HWY_INLINE void store_tail(hn::Vec<hn::ScalableTag<float>> v, float* out, std::size_t count) {
  const hn::ScalableTag<float> d;
  if (count >= hn::Lanes(d)) return hn::StoreU(v, d, out);
  HWY_ALIGN float tail[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(v, d, tail);
  std::memcpy(out, tail, count * sizeof(float));
}

// Instructions that Debian 12's Highway has no operation for. In assembly, since a function that is
// compiled for them cannot be inlined into what is compiled for a Highway target.

// AVX512-BF16: products of pairs of bf16.
#undef EMBEDTOOL_HAS_BF16_PAIRS
#if HWY_TARGET == HWY_AVX3
#define EMBEDTOOL_HAS_BF16_PAIRS 1
/// sum + Σ of the two products of bf16 pairs, lane by lane. Only where the CPU has avx512_bf16.
HWY_INLINE hn::Vec<hn::ScalableTag<float>> add_bf16_pairs(hn::Vec<hn::ScalableTag<float>> sum,
                                                          hn::Vec<hn::ScalableTag<float>> x,
                                                          hn::Vec<hn::ScalableTag<float>> w) {
  asm("vdpbf16ps %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(w.raw));
  return sum;
}

/// f32 → bf16, round to nearest even; subnormals become 0. Only where the CPU has avx512_bf16.
HWY_INLINE hn::Vec<hn::Rebind<std::uint16_t, hn::ScalableTag<float>>> to_bf16(
    hn::Vec<hn::ScalableTag<float>> x) {
  hn::Vec<hn::Rebind<std::uint16_t, hn::ScalableTag<float>>> narrow;
  asm("vcvtneps2bf16 %1, %0" : "=v"(narrow.raw) : "v"(x.raw));
  return narrow;
}
#else
#define EMBEDTOOL_HAS_BF16_PAIRS 0
#endif

// AVX512-VNNI, AVX-VNNI, FEAT_I8MM: products of byte quadruples.
#undef EMBEDTOOL_HAS_QUADS
#undef EMBEDTOOL_BEFORE_QUADS
#undef EMBEDTOOL_AFTER_QUADS
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2 || HWY_ARCH_ARM_A64
#define EMBEDTOOL_HAS_QUADS 1
using Quads = hn::Vec<hn::ScalableTag<std::int32_t>>;

/// The four bytes at `x` in every lane.
HWY_INLINE Quads broadcast_quad(const void* x) {
  std::int32_t quad;
  std::memcpy(&quad, x, sizeof(quad));
  return hn::Set(hn::ScalableTag<std::int32_t>(), quad);
}

// clang's assembler only takes instructions of the target that a function is compiled for, callers
// included.
#if HWY_ARCH_ARM_A64 && defined(__clang__)
#define EMBEDTOOL_BEFORE_QUADS \
  _Pragma("clang attribute push(__attribute__((target(\"i8mm\"))), apply_to = function)")
#define EMBEDTOOL_AFTER_QUADS _Pragma("clang attribute pop")
#else
#define EMBEDTOOL_BEFORE_QUADS
#define EMBEDTOOL_AFTER_QUADS
#endif

EMBEDTOOL_BEFORE_QUADS
/// sum + Σ of the four products of an unsigned byte of `x` with a signed one of `w`, exact, lane by
/// lane. Only where has_quads().
HWY_INLINE Quads add_quads(Quads sum, Quads x, Quads w) {
#if HWY_TARGET == HWY_AVX3
  asm("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(w.raw));
#elif HWY_ARCH_ARM_A64
  asm(
#if !defined(__clang__)
      ".arch armv8.2-a+i8mm\n\t"
#endif
      "usdot %0.4s, %1.16b, %2.16b"
      : "+w"(sum.raw)
      : "w"(x.raw), "w"(w.raw));
#else
  // Without {vex} an assembler may take AVX-512's encoding.
  asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum.raw) : "x"(x.raw), "x"(w.raw));
#endif
  return sum;
}
EMBEDTOOL_AFTER_QUADS
#else
#define EMBEDTOOL_HAS_QUADS 0
#endif

/// 1 / (1 + e^-x); saturates to 0 or 1 without overflow.
template <class V>
HWY_INLINE V logistic(V x) {
  const hn::DFromV<V> d;
  const V one = hn::Set(d, 1.0F);
  // e^87 is still finite; beyond it the result is 0 in f32 anyway.
  const V e = hn::Exp(d, hn::Min(hn::Neg(x), hn::Set(d, 87.0F)));
  return hn::Div(one, hn::Add(one, e));
}

/// Adding it leaves the nearest integer, ties to even, in the low bits of a float below 2^22: what
/// hn::Round and hn::NearestInt do in several steps, with care for what is larger.
constexpr float kRound = 0x1.8p23F;

/// 2^x for x ≤ 0, within a relative error of 1e-7; results below 2^-126 become 2^-126. 2^x =
/// 2^round(x) · p(x - round(x)); p is our own minimax fit of degree 6. Half the cost of hn::Exp,
/// which must handle every argument.
template <class V>
HWY_INLINE V exp2_of_nonpositive(V x) {
  const hn::DFromV<V> d;
  const hn::RebindToSigned<hn::DFromV<V>> di;
  x = hn::Max(x, hn::Set(d, -126.0F));
  const V rounded = hn::Add(x, hn::Set(d, kRound));
  const V f = hn::Sub(x, hn::Sub(rounded, hn::Set(d, kRound)));
  V p = hn::Set(d, 0.00015353361959569156F);
  p = hn::MulAdd(p, f, hn::Set(d, 0.0013398873852565885F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.00961843691766262F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.055503323674201965F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.24022647738456726F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.6931471824645996F));
  p = hn::MulAdd(p, f, hn::Set(d, 1.0F));
  // The integer's low bits go to the exponent; those of kRound are shifted out.
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(di, rounded));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), exponent));
}

/// tanh(x) = 2 logistic(2x) - 1, with the first terms of the series where that form suffers
/// cancellation.
template <class V>
HWY_INLINE V tanh_of(V x) {
  const hn::DFromV<V> d;
  const V two = hn::Set(d, 2.0F);
  const V wide = hn::MulSub(two, logistic(hn::Mul(two, x)), hn::Set(d, 1.0F));
  const V x2 = hn::Mul(x, x);
  // x - x³/3 + 2x⁵/15 - 17x⁷/315: error < 1e-8 relative for |x| < 0.15
  V series = hn::MulAdd(x2, hn::Set(d, -17.0F / 315.0F), hn::Set(d, 2.0F / 15.0F));
  series = hn::MulAdd(x2, series, hn::Set(d, -1.0F / 3.0F));
  series = hn::MulAdd(hn::Mul(x2, x), series, x);
  return hn::IfThenElse(hn::Lt(hn::Abs(x), hn::Set(d, 0.15F)), series, wide);
}

/// erf(x) = x P(x²) / Q(x²) on |x| ≤ 3.93, ±1 beyond (1 - erf(3.93) = 2.7e-8 < f32 epsilon).
/// Coefficients: our own weighted least-squares fit, max error 1.7e-8 in exact arithmetic,
/// 4e-7 evaluated in f32.
template <class V>
HWY_INLINE V erf_of(V x) {
  const hn::DFromV<V> d;
  const V limit = hn::Set(d, 3.93F);
  const V c = hn::Min(hn::Max(x, hn::Neg(limit)), limit);
  const V t = hn::Mul(c, c);
  V p = hn::Set(d, 2.02699246e-06F);
  p = hn::MulAdd(p, t, hn::Set(d, 0.000287509164F));
  p = hn::MulAdd(p, t, hn::Set(d, 0.00388447417F));
  p = hn::MulAdd(p, t, hn::Set(d, 0.0531086876F));
  p = hn::MulAdd(p, t, hn::Set(d, 0.193184392F));
  p = hn::MulAdd(p, t, hn::Set(d, 1.12837902F));
  V q = hn::Set(d, 3.79923514e-05F);
  q = hn::MulAdd(q, t, hn::Set(d, 0.00119142222F));
  q = hn::MulAdd(q, t, hn::Set(d, 0.0152047121F));
  q = hn::MulAdd(q, t, hn::Set(d, 0.115251701F));
  q = hn::MulAdd(q, t, hn::Set(d, 0.504536817F));
  q = hn::MulAdd(q, t, hn::Set(d, 1.0F));
  return hn::Div(hn::Mul(c, p), q);
}

/// x Φ(x), the exact form of Hendrycks and Gimpel (2016).
template <class V>
HWY_INLINE V gelu_erf(V x) {
  const hn::DFromV<V> d;
  const V half = hn::Mul(hn::Set(d, 0.5F), x);
  return hn::MulAdd(half, erf_of(hn::Mul(x, hn::Set(d, 0.70710678F))), half);
}

/// 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))) = x · logistic(2 √(2/π) (x + 0.044715 x³)).
template <class V>
HWY_INLINE V gelu_tanh(V x) {
  const hn::DFromV<V> d;
  const V x3 = hn::Mul(hn::Mul(x, x), x);
  const V inner = hn::MulAdd(x3, hn::Set(d, 0.044715F), x);
  return hn::Mul(x, logistic(hn::Mul(inner, hn::Set(d, 1.5957691216F))));
}

}  // namespace HWY_NAMESPACE
}  // namespace embedtool
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
