#include "core/math/kernels.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/math/dequantize.hpp"
#include "core/math/half.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/math/kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/math/vector-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace embedtool {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;

/// Applies `op(vector)` to n floats at `x` and stores the results at `out`.
template <typename Op>
HWY_INLINE void transform(const float* x, float* out, std::size_t n, const Op& op) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(op(hn::LoadU(d, x + i)), d, out + i);
  if (i < n) store_tail(op(load_tail(x + i, n - i)), out + i, n - i);
}

/// The same for two inputs.
template <typename Op>
HWY_INLINE void transform2(const float* a, const float* b, float* out, std::size_t n,
                           const Op& op) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(op(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, out + i);
  }
  if (i < n) {
    store_tail(op(load_tail(a + i, n - i), load_tail(b + i, n - i)), out + i, n - i);
  }
}

// Sums of a row run in four accumulators: one would wait for its own last addition.

/// out = x + residual (residual may be null); returns Σ out.
HWY_INLINE float add_and_sum(const float* x, const float* residual, std::size_t n, float* out) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  FloatVec sum[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  std::size_t i = 0;
  const auto step = [&](FloatVec& s) HWY_ATTR {
    FloatVec v = hn::LoadU(d, x + i);
    if (residual != nullptr) v = hn::Add(v, hn::LoadU(d, residual + i));
    hn::StoreU(v, d, out + i);
    s = hn::Add(s, v);
    i += lanes;
  };
  while (i + 4 * lanes <= n) {
    for (FloatVec& s : sum) step(s);
  }
  while (i + lanes <= n) step(sum[0]);
  if (i < n) {
    FloatVec v = load_tail(x + i, n - i);
    if (residual != nullptr) v = hn::Add(v, load_tail(residual + i, n - i));
    store_tail(v, out + i, n - i);
    sum[0] = hn::Add(sum[0], v);
  }
  sum[0] = hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3]));
  return hn::GetLane(hn::SumOfLanes(d, sum[0]));
}

/// Σ (x - center)²
HWY_INLINE float squared_distance(const float* x, float center, std::size_t n) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  const FloatVec c = hn::Set(d, center);
  FloatVec sum[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  std::size_t i = 0;
  const auto step = [&](FloatVec& s) HWY_ATTR {
    const FloatVec v = hn::Sub(hn::LoadU(d, x + i), c);
    s = hn::MulAdd(v, v, s);
    i += lanes;
  };
  while (i + 4 * lanes <= n) {
    for (FloatVec& s : sum) step(s);
  }
  while (i + lanes <= n) step(sum[0]);
  sum[0] = hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3]));
  float total = hn::GetLane(hn::SumOfLanes(d, sum[0]));
  for (; i < n; ++i) total += (x[i] - center) * (x[i] - center);
  return total;
}

HWY_INLINE void normalize_row(const float* x, float mean, float inverse_std, const float* gamma,
                              const float* beta, std::size_t n, float* out) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  const FloatVec m = hn::Set(d, mean);
  const FloatVec s = hn::Set(d, inverse_std);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const FloatVec v = hn::Mul(hn::Sub(hn::LoadU(d, x + i), m), s);
    hn::StoreU(hn::MulAdd(v, hn::LoadU(d, gamma + i), hn::LoadU(d, beta + i)), d, out + i);
  }
  if (i < n) {
    const FloatVec v = hn::Mul(hn::Sub(load_tail(x + i, n - i), m), s);
    const FloatVec y = hn::MulAdd(v, load_tail(gamma + i, n - i), load_tail(beta + i, n - i));
    store_tail(y, out + i, n - i);
  }
}

void LayerNormKernel(const LayerNormArgs& a) {
  const auto count = static_cast<float>(a.n);
  for (std::size_t r = 0; r < a.rows; ++r) {
    float* out = a.out + r * a.n;
    // `out` may be x or the residual: they are read, vector by vector, before it is written.
    const float* residual = a.residual == nullptr ? nullptr : a.residual + r * a.n;
    const float mean = add_and_sum(a.x + r * a.n, residual, a.n, out) / count;
    const float variance = squared_distance(out, mean, a.n) / count;
    normalize_row(out, mean, 1.0F / std::sqrt(variance + a.eps), a.gamma, a.beta, a.n, out);
  }
}

template <typename Function>
HWY_INLINE void bias_activate_rows(const BiasActivateArgs& a, const Function& f) {
  for (std::size_t r = 0; r < a.rows; ++r) {
    float* row = a.x + r * a.stride;
    if (a.bias == nullptr) {
      transform(row, row, a.n, f);
    } else {
      transform2(row, a.bias, row, a.n,
                 [&f](FloatVec v, FloatVec b) HWY_ATTR { return f(hn::Add(v, b)); });
    }
  }
}

void BiasActivateKernel(const BiasActivateArgs& a) {
  const auto apply = [&](const auto& f) HWY_ATTR { bias_activate_rows(a, f); };
  switch (a.activation) {
    case Activation::identity:
      if (a.bias != nullptr) apply([](FloatVec v) HWY_ATTR { return v; });
      return;
    case Activation::gelu:
      return apply([](FloatVec v) HWY_ATTR { return gelu_erf(v); });
    case Activation::gelu_tanh:
      return apply([](FloatVec v) HWY_ATTR { return gelu_tanh(v); });
    case Activation::relu:
      return apply([](FloatVec v) HWY_ATTR { return hn::Max(v, hn::Zero(FloatTag())); });
    case Activation::silu:
      return apply([](FloatVec v) HWY_ATTR { return hn::Mul(v, logistic(v)); });
    case Activation::tanh:
      return apply([](FloatVec v) HWY_ATTR { return tanh_of(v); });
    case Activation::sigmoid:
      return apply([](FloatVec v) HWY_ATTR { return logistic(v); });
  }
}

void AddKernel(float* a, const float* b, std::size_t n) {
  transform2(a, b, a, n, [](FloatVec x, FloatVec y) HWY_ATTR { return hn::Add(x, y); });
}

void AddScaledKernel(float* a, const float* b, float w, std::size_t n) {
  const FloatVec weight = hn::Set(FloatTag(), w);
  transform2(a, b, a, n,
             [weight](FloatVec x, FloatVec y) HWY_ATTR { return hn::MulAdd(weight, y, x); });
}

// Sums stay in registers while the rows pass by; each element adds its rows in their order.
void AddInt8Kernel(float* sum, std::span<const WeightedRow> rows, std::size_t n) {
  constexpr std::size_t kVectors = 8;
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> wide;
  const hn::Rebind<std::int8_t, FloatTag> narrow;
  const std::size_t lanes = hn::Lanes(d);
  const auto bytes = [](const WeightedRow& row)
                         HWY_ATTR { return reinterpret_cast<const std::int8_t*>(row.bytes); };
  const auto widened = [&](const std::int8_t* at) HWY_ATTR {
    return hn::ConvertTo(d, hn::PromoteTo(wide, hn::LoadU(narrow, at)));
  };
  std::size_t i = 0;
  for (; i + kVectors * lanes <= n; i += kVectors * lanes) {
    FloatVec sums[kVectors];  // no std::array, whose constructor lacks the target
    for (std::size_t v = 0; v < kVectors; ++v) sums[v] = hn::LoadU(d, sum + i + v * lanes);
    for (const WeightedRow& row : rows) {
      const FloatVec weight = hn::Set(d, row.weight);
      __builtin_prefetch(bytes(row) + i + kVectors * lanes);  // what the next round reads
      for (std::size_t v = 0; v < kVectors; ++v) {
        sums[v] = hn::MulAdd(weight, widened(bytes(row) + i + v * lanes), sums[v]);
      }
    }
    for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(sums[v], d, sum + i + v * lanes);
  }
  for (; i + lanes <= n; i += lanes) {
    FloatVec one = hn::LoadU(d, sum + i);
    for (const WeightedRow& row : rows) {
      one = hn::MulAdd(hn::Set(d, row.weight), widened(bytes(row) + i), one);
    }
    hn::StoreU(one, d, sum + i);
  }
  for (; i < n; ++i) {
    for (const WeightedRow& row : rows) sum[i] += row.weight * static_cast<float>(bytes(row)[i]);
  }
}

void MaximumKernel(float* a, const float* b, std::size_t n) {
  transform2(a, b, a, n, [](FloatVec x, FloatVec y) HWY_ATTR { return hn::Max(x, y); });
}

void ScaleKernel(float* a, float w, std::size_t n) {
  const FloatVec weight = hn::Set(FloatTag(), w);
  transform(a, a, n, [weight](FloatVec x) HWY_ATTR { return hn::Mul(weight, x); });
}

float DotKernel(const float* a, const float* b, std::size_t n) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  FloatVec sum = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    sum = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sum);
  }
  if (i < n) sum = hn::MulAdd(load_tail(a + i, n - i), load_tail(b + i, n - i), sum);
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

float SumOfSquaresKernel(const float* a, std::size_t n) {
  return squared_distance(a, 0.0F, n);
}

// x86 targets below AVX2 have no conversion instructions, and Highway's emulation loses the sign of
// zero: there the scalar functions below serve.
#if HWY_TARGET <= HWY_AVX2 || HWY_ARCH_ARM_A64

void WidenF16Kernel(const std::byte* source, std::size_t n, float* out) {
  const FloatTag d;
  const hn::Rebind<hwy::float16_t, FloatTag> half;
  const std::size_t lanes = hn::Lanes(d);
  HWY_ALIGN hwy::float16_t block[HWY_MAX_BYTES / sizeof(float)] = {};
  for (std::size_t i = 0; i < n; i += lanes) {
    const std::size_t left = n - i < lanes ? n - i : lanes;
    std::memcpy(block, source + i * 2, left * 2);
    store_tail(hn::PromoteTo(d, hn::Load(half, block)), out + i, left);
  }
}

void ToF16Kernel(const float* x, std::size_t n, std::byte* out) {
  const FloatTag d;
  const hn::Rebind<hwy::float16_t, FloatTag> half;
  const std::size_t lanes = hn::Lanes(d);
  HWY_ALIGN hwy::float16_t block[HWY_MAX_BYTES / sizeof(float)];
  for (std::size_t i = 0; i < n; i += lanes) {
    const std::size_t left = n - i < lanes ? n - i : lanes;
    hn::Store(hn::DemoteTo(half, load_tail(x + i, left)), half, block);
    std::memcpy(out + i * 2, block, left * 2);
  }
}

#else

void WidenF16Kernel(const std::byte* source, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; ++i) {
    std::uint16_t half;
    std::memcpy(&half, source + i * 2, 2);
    out[i] = half_to_float(half);
  }
}

void ToF16Kernel(const float* x, std::size_t n, std::byte* out) {
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint16_t half = float_to_half(x[i]);
    std::memcpy(out + i * 2, &half, 2);
  }
}

#endif

void ToInt8Kernel(const float* x, std::size_t n, float scale, std::byte* out) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;
  const std::size_t lanes = hn::Lanes(d);
  const FloatVec inverse = hn::Set(d, scale);
  const FloatVec limit = hn::Set(d, 127.0F);
  HWY_ALIGN std::int32_t block[HWY_MAX_BYTES / sizeof(std::int32_t)];
  for (std::size_t i = 0; i < n; i += lanes) {
    const std::size_t left = n - i < lanes ? n - i : lanes;
    const FloatVec v = hn::Div(load_tail(x + i, left), inverse);
    const FloatVec clamped = hn::Min(hn::Max(v, hn::Neg(limit)), limit);
    hn::Store(hn::NearestInt(clamped), di, block);
    for (std::size_t j = 0; j < left; ++j) {
      out[i + j] = static_cast<std::byte>(static_cast<std::int8_t>(block[j]));
    }
  }
}

std::int64_t CurrentTarget() {
  return HWY_TARGET;
}

}  // namespace HWY_NAMESPACE
}  // namespace embedtool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embedtool {

HWY_EXPORT(LayerNormKernel);
HWY_EXPORT(BiasActivateKernel);
HWY_EXPORT(AddKernel);
HWY_EXPORT(AddScaledKernel);
HWY_EXPORT(AddInt8Kernel);
HWY_EXPORT(MaximumKernel);
HWY_EXPORT(ScaleKernel);
HWY_EXPORT(DotKernel);
HWY_EXPORT(SumOfSquaresKernel);
HWY_EXPORT(WidenF16Kernel);
HWY_EXPORT(ToF16Kernel);
HWY_EXPORT(ToInt8Kernel);
HWY_EXPORT(CurrentTarget);

std::int64_t current_kernel_target() {
  return HWY_DYNAMIC_DISPATCH(CurrentTarget)();
}

void layer_norm(const LayerNormArgs& args) {
  EMBEDTOOL_CHECK(args.n > 0);
  HWY_DYNAMIC_DISPATCH(LayerNormKernel)(args);
}

void bias_activate(const BiasActivateArgs& args) {
  EMBEDTOOL_CHECK(args.stride >= args.n);
  HWY_DYNAMIC_DISPATCH(BiasActivateKernel)(args);
}

void add(float* a, const float* b, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(AddKernel)(a, b, n);
}

void add_scaled(float* a, const float* b, float w, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(AddScaledKernel)(a, b, w, n);
}

void maximum(float* a, const float* b, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(MaximumKernel)(a, b, n);
}

void scale(float* a, float w, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(ScaleKernel)(a, w, n);
}

float dot(const float* a, const float* b, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(DotKernel)(a, b, n);
}

float sum_of_squares(const float* a, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(SumOfSquaresKernel)(a, n);
}

void to_f16(const float* x, std::size_t n, std::byte* out) {
  HWY_DYNAMIC_DISPATCH(ToF16Kernel)(x, n, out);
}

void to_int8(const float* x, std::size_t n, float scale, std::byte* out) {
  EMBEDTOOL_CHECK(scale > 0.0F);
  HWY_DYNAMIC_DISPATCH(ToInt8Kernel)(x, n, scale, out);
}

void to_binary(const float* x, std::size_t n, std::byte* out) {
  for (std::size_t i = 0; i < n; i += 8) {
    unsigned bits = 0;
    for (std::size_t j = 0; j < 8; ++j) {
      bits = bits << 1U | static_cast<unsigned>(i + j < n && x[i + j] > 0.0F);
    }
    out[i / 8] = static_cast<std::byte>(bits);
  }
}

namespace {

void widen_bf16(const std::byte* source, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; ++i) {
    std::uint16_t high;
    std::memcpy(&high, source + 2 * i, 2);
    out[i] = bf16_to_float(high);
  }
}

void widen_q8(const std::byte* source, std::size_t n, float* out) {
  EMBEDTOOL_CHECK(n % kQ8Block == 0);
  for (std::size_t i = 0; i < n; i += kQ8Block) {
    float scale = 0.0F;
    widen(source, DType::f16, 1, &scale);
    widen(source + 2, DType::i8, kQ8Block, out + i);
    for (std::size_t j = 0; j < kQ8Block; ++j) out[i + j] *= scale;
    source += kQ8Block + 2;
  }
}

using ByteTable = std::array<float, 256>;

ByteTable table_of(float (*convert)(std::uint8_t)) {
  ByteTable table{};
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = convert(static_cast<std::uint8_t>(i));
  return table;
}

void widen_bytes(const ByteTable& table, const std::byte* source, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = table[std::to_integer<std::size_t>(source[i])];
}

}  // namespace

void add_widened(float* sum, std::span<const WeightedRow> rows, DType type, std::size_t n) {
  if (type == DType::i8) return HWY_DYNAMIC_DISPATCH(AddInt8Kernel)(sum, rows, n);
  constexpr std::size_t kPiece = 512;  // whole blocks of every type
  std::array<float, kPiece> piece;
  for (const WeightedRow& row : rows) {
    for (std::size_t i = 0; i < n; i += kPiece) {
      const std::size_t count = std::min(kPiece, n - i);
      widen(row.bytes + stored_bytes(type, i), type, count, piece.data());
      add_scaled(sum + i, piece.data(), row.weight, count);
    }
  }
}

void widen(const std::byte* source, DType type, std::size_t n, float* out) {
  switch (type) {
    case DType::f32:
      std::memcpy(out, source, n * sizeof(float));
      return;
    case DType::f16:
      HWY_DYNAMIC_DISPATCH(WidenF16Kernel)(source, n, out);
      return;
    case DType::bf16:
      widen_bf16(source, n, out);
      return;
    case DType::i8:
      for (std::size_t i = 0; i < n; ++i) {
        out[i] = static_cast<float>(static_cast<std::int8_t>(source[i]));
      }
      return;
    case DType::q8_0:
      widen_q8(source, n, out);
      return;
    case DType::q4_0:
    case DType::q4_1:
    case DType::q5_0:
    case DType::q5_1:
    case DType::q4_k:
    case DType::q5_k:
    case DType::q6_k:
      dequantize(source, type, n, out);
      return;
    case DType::f8_e4m3: {
      static const ByteTable table = table_of(f8_e4m3_to_float);
      return widen_bytes(table, source, n, out);
    }
    case DType::f8_e5m2: {
      static const ByteTable table = table_of(f8_e5m2_to_float);
      return widen_bytes(table, source, n, out);
    }
    default:
      break;
  }
  throw Error(ExitCode::model, "cannot read weights of type {} as f32", name_of(type));
}

}  // namespace embedtool
#endif  // HWY_ONCE
