#include "core/math/block_kernels.hpp"

#include <cmath>

#include "core/base/check.hpp"
#include "core/math/kernels.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/math/block_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/math/vector-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace embedtool {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using BlockTag = hn::ScalableTag<float>;
using BlockVec = hn::Vec<BlockTag>;

/// out = op(a, b) over n elements; out may be a or b.
template <typename Op>
HWY_INLINE void combine(const float* a, const float* b, std::size_t n, float* out, const Op& op) {
  const BlockTag d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(op(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, out + i);
  }
  if (i < n) store_tail(op(load_tail(a + i, n - i), load_tail(b + i, n - i)), out + i, n - i);
}

void ScaledProductKernel(const float* x, const float* gamma, float factor, std::size_t n,
                         float* out) {
  const BlockVec f = hn::Set(BlockTag(), factor);
  combine(x, gamma, n, out,
          [f](BlockVec v, BlockVec g) HWY_ATTR { return hn::Mul(hn::Mul(v, f), g); });
}

template <typename Function>
HWY_INLINE void gate_rows(const GateArgs& a, const Function& f) {
  // In place, row r is written below 2n(r + 1) and rows behind it are still whole.
  for (std::size_t r = 0; r < a.rows; ++r) {
    const float* first = a.x + r * 2 * a.n;
    const float* gates = first + (a.gate_second ? a.n : 0);
    const float* values = first + (a.gate_second ? 0 : a.n);
    combine(gates, values, a.n, a.out + r * a.n,
            [&f](BlockVec g, BlockVec v) HWY_ATTR { return hn::Mul(f(g), v); });
  }
}

void GateKernel(const GateArgs& a) {
  switch (a.activation) {
    case Activation::identity:
      return gate_rows(a, [](BlockVec v) HWY_ATTR { return v; });
    case Activation::gelu:
      return gate_rows(a, [](BlockVec v) HWY_ATTR { return gelu_erf(v); });
    case Activation::gelu_tanh:
      return gate_rows(a, [](BlockVec v) HWY_ATTR { return gelu_tanh(v); });
    case Activation::relu:
      return gate_rows(a, [](BlockVec v) HWY_ATTR { return hn::Max(v, hn::Zero(BlockTag())); });
    case Activation::silu:
      return gate_rows(a, [](BlockVec v) HWY_ATTR { return hn::Mul(v, logistic(v)); });
    case Activation::tanh:
      return gate_rows(a, [](BlockVec v) HWY_ATTR { return tanh_of(v); });
    case Activation::sigmoid:
      return gate_rows(a, [](BlockVec v) HWY_ATTR { return logistic(v); });
  }
}

void RotateKernel(float* x, const float* angles, std::size_t half) {
  const BlockTag d;
  const std::size_t lanes = hn::Lanes(d);
  const float* sines = angles + half;
  std::size_t i = 0;
  for (; i + lanes <= half; i += lanes) {
    const BlockVec a = hn::LoadU(d, x + i);
    const BlockVec b = hn::LoadU(d, x + half + i);
    const BlockVec c = hn::LoadU(d, angles + i);
    const BlockVec s = hn::LoadU(d, sines + i);
    hn::StoreU(hn::NegMulAdd(b, s, hn::Mul(a, c)), d, x + i);
    hn::StoreU(hn::MulAdd(a, s, hn::Mul(b, c)), d, x + half + i);
  }
  for (; i < half; ++i) {
    const float a = x[i];
    const float b = x[half + i];
    x[i] = a * angles[i] - b * sines[i];
    x[half + i] = b * angles[i] + a * sines[i];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace embedtool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embedtool {

HWY_EXPORT(ScaledProductKernel);
HWY_EXPORT(GateKernel);
HWY_EXPORT(RotateKernel);

void rms_norm(const RmsNormArgs& args) {
  EMBEDTOOL_CHECK(args.n > 0);
  for (std::size_t r = 0; r < args.rows; ++r) {
    const float* x = args.x + r * args.n;
    const float mean = sum_of_squares(x, args.n) / static_cast<float>(args.n);
    HWY_DYNAMIC_DISPATCH(ScaledProductKernel)
    (x, args.gamma, 1.0F / std::sqrt(mean + args.eps), args.n, args.out + r * args.n);
  }
}

void gate(const GateArgs& args) {
  HWY_DYNAMIC_DISPATCH(GateKernel)(args);
}

void rotate(const RotateArgs& args) {
  EMBEDTOOL_CHECK(args.dims % 2 == 0 && args.dims <= args.head_dim);
  const std::size_t half = args.dims / 2;
  for (std::size_t head = 0; head < args.heads; ++head) {
    float* x = args.x + head * args.head_dim;
    if (!args.interleaved) {
      HWY_DYNAMIC_DISPATCH(RotateKernel)(x, args.angles, half);
      continue;
    }
    for (std::size_t i = 0; i < half; ++i) {
      const float a = x[2 * i];
      const float b = x[2 * i + 1];
      x[2 * i] = a * args.angles[i] - b * args.angles[half + i];
      x[2 * i + 1] = b * args.angles[i] + a * args.angles[half + i];
    }
  }
}

}  // namespace embedtool
#endif
