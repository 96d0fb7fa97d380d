#include "core/math/kernels.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>

#include "core/base/error.hpp"
#include "core/math/half.hpp"
#include "core/math/matrix.hpp"

namespace embedtool {
namespace {

std::vector<float> random_floats(std::size_t n, float spread = 1.0F) {
  std::mt19937 generator(static_cast<unsigned>(n) + 1);
  std::normal_distribution<float> normal(0.0F, spread);
  std::vector<float> out(n);
  for (float& v : out) v = normal(generator);
  return out;
}

/// The activation's definition in f64.
double exact(Activation a, double x) {
  switch (a) {
    case Activation::identity:
      return x;
    case Activation::gelu:
      return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
    case Activation::gelu_tanh:
      return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::silu:
      return x / (1.0 + std::exp(-x));
    case Activation::tanh:
      return std::tanh(x);
    case Activation::sigmoid:
      return 1.0 / (1.0 + std::exp(-x));
  }
  return 0;
}

constexpr Activation kActivations[] = {
    Activation::identity, Activation::gelu, Activation::gelu_tanh, Activation::relu,
    Activation::silu,     Activation::tanh, Activation::sigmoid};

TEST(Kernels, ActivationsMatchTheirDefinition) {
  for (const Activation a : kActivations) {
    for (float x = -30.0F; x <= 30.0F; x += 0.0137F) {
      float y = x;
      bias_activate({&y, 1, 1, 1, nullptr, a});
      // erf is good to 4e-7 and multiplied by |x|/2; the others to a few units in the last place.
      const double bound = 4e-7 + 3e-7 * std::abs(static_cast<double>(x));
      ASSERT_NEAR(y, exact(a, static_cast<double>(x)), bound) << name_of(a) << "(" << x << ")";
    }
    for (const float x : {1e4F, -1e4F, 0.0F, 1e-20F}) {
      float y = x;
      bias_activate({&y, 1, 1, 1, nullptr, a});
      ASSERT_NEAR(y, exact(a, static_cast<double>(x)), 1e-6 + 2.4e-7 * std::abs(x))
          << name_of(a) << "(" << x << ")";
    }
  }
}

TEST(Kernels, BiasIsAddedBeforeTheActivation) {
  for (const std::size_t n : {1U, 7U, 16U, 33U, 100U}) {
    const auto x = random_floats(3 * n);
    const auto bias = random_floats(n + 1);
    auto y = x;
    bias_activate({y.data(), n, 3, n, bias.data(), Activation::gelu});
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double v = static_cast<double>(x[i]) + static_cast<double>(bias[i % n]);
      ASSERT_NEAR(y[i], exact(Activation::gelu, v), 2e-6);
    }
  }
}

TEST(Kernels, LayerNormMatchesF64) {
  for (const std::size_t n : {1U, 2U, 15U, 36U, 384U, 1025U}) {
    const auto x = random_floats(2 * n, 3.0F);
    const auto residual = random_floats(2 * n + 5, 2.0F);
    const auto gamma = random_floats(n + 3);
    const auto beta = random_floats(n + 4);
    std::vector<float> out(residual.begin(), residual.begin() + static_cast<std::ptrdiff_t>(2 * n));
    layer_norm({x.data(), out.data(), gamma.data(), beta.data(), 1e-12F, 2, n, out.data()});
    const auto f64 = [n](const std::vector<float>& values, std::size_t rows) {
      return RowMajorMatrix<double>(ConstMatrix(values.data(), rows, n).cast<double>());
    };
    RowMajorMatrix<double> want = f64(x, 2) + f64(residual, 2);
    want.colwise() -= want.rowwise().mean().eval();
    const Eigen::ArrayXd variance = want.array().square().rowwise().mean();
    want.array().colwise() /= (variance + 1e-12).sqrt();
    want.array().rowwise() *= f64(gamma, 1).row(0).array();
    want.rowwise() += f64(beta, 1).row(0);
    const RowMajorMatrix<double> got = f64(out, 2);
    ASSERT_TRUE(got.allFinite()) << n;
    // A row of one or two elements may cancel to nothing; then any rounding is amplified.
    if (n > 2) {
      ASSERT_LE((got - want).cwiseAbs().maxCoeff(), 2e-5) << n;
    }
  }
}

TEST(Kernels, VectorArithmetic) {
  for (const std::size_t n : {0U, 1U, 3U, 16U, 17U, 100U}) {
    const auto a = random_floats(n);
    const auto b = random_floats(n + 1);
    const auto expect = [&](const std::function<void(float*)>& kernel,
                            const std::function<float(float, float)>& want) {
      auto got = a;
      kernel(got.data());
      for (std::size_t i = 0; i < n; ++i) ASSERT_NEAR(got[i], want(a[i], b[i]), 1e-6);
    };
    expect([&](float* x) { add(x, b.data(), n); }, [](float x, float y) { return x + y; });
    expect([&](float* x) { add_scaled(x, b.data(), 0.5F, n); },
           [](float x, float y) { return x + 0.5F * y; });
    expect([&](float* x) { maximum(x, b.data(), n); },
           [](float x, float y) { return std::max(x, y); });
    expect([&](float* x) { scale(x, -3.0F, n); }, [](float x, float) { return -3.0F * x; });
    const Eigen::VectorXd x = ConstMatrix(a.data(), n, 1).cast<double>();
    const Eigen::VectorXd y = ConstMatrix(b.data(), n, 1).cast<double>();
    EXPECT_NEAR(dot(a.data(), b.data(), n), x.dot(y), 1e-4);
    EXPECT_NEAR(sum_of_squares(a.data(), n), x.squaredNorm(), 1e-4);
  }
}

TEST(Kernels, HalvesRoundTrip) {
  // Every finite half widens to a float and comes back unchanged.
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    if ((bits & 0x7c00U) == 0x7c00U) continue;  // infinities and NaN
    const auto half = static_cast<std::uint16_t>(bits);
    float wide[3];
    std::uint16_t halves[3] = {half, half, half};
    widen(reinterpret_cast<const std::byte*>(halves), DType::f16, 3, wide);
    std::uint16_t back[3];
    to_f16(wide, 3, reinterpret_cast<std::byte*>(back));
    ASSERT_EQ(back[2], half) << wide[2];
  }
}

TEST(Kernels, HalvesRoundToNearestEven) {
  const float values[] = {1.0F + 1.0F / 2048.0F, 1.0F + 3.0F / 2048.0F, -0.1F, 65519.0F};
  std::uint16_t halves[4];
  to_f16(values, 4, reinterpret_cast<std::byte*>(halves));
  EXPECT_EQ(halves[0], 0x3c00);  // halfway: to even
  EXPECT_EQ(halves[1], 0x3c02);
  EXPECT_EQ(halves[2], 0xae66);
  EXPECT_EQ(halves[3], 0x7bff);
}

TEST(Kernels, Bfloat16RoundsToNearestEven) {
  EXPECT_EQ(float_to_bf16(1.0F), 0x3f80);
  EXPECT_EQ(float_to_bf16(1.0F + 1.0F / 256.0F), 0x3f80);  // halfway: to even
  EXPECT_EQ(float_to_bf16(1.0F + 3.0F / 256.0F), 0x3f82);
  EXPECT_EQ(float_to_bf16(-0.1F), 0xbdcd);
  EXPECT_EQ(float_to_bf16(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(float_to_bf16(std::numeric_limits<float>::quiet_NaN()), 0x7fc0);
  // A NaN whose payload is in the lower half only is none without its highest bit.
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x7f800001U)), 0x7fc0);
}

TEST(Kernels, Bfloat16AndInt8Widen) {
  const std::uint16_t bf16[] = {0x3f80, 0xc000, 0x4049};
  float wide[3];
  widen(reinterpret_cast<const std::byte*>(bf16), DType::bf16, 3, wide);
  EXPECT_EQ(wide[0], 1.0F);
  EXPECT_EQ(wide[1], -2.0F);
  EXPECT_EQ(wide[2], 3.140625F);
  const std::int8_t int8[] = {-128, 0, 127};
  widen(reinterpret_cast<const std::byte*>(int8), DType::i8, 3, wide);
  EXPECT_EQ(wide[0], -128.0F);
  EXPECT_EQ(wide[2], 127.0F);
  EXPECT_THROW(widen(reinterpret_cast<const std::byte*>(int8), DType::i64, 1, wide), Error);
}

TEST(Kernels, Int8RoundsAndSaturates) {
  const std::vector<float> x{0.0F, 0.5F, 1.5F, -2.5F, 126.6F, 500.0F, -500.0F, 0.49F};
  std::vector<std::int8_t> got(x.size());
  to_int8(x.data(), x.size(), 1.0F, reinterpret_cast<std::byte*>(got.data()));
  EXPECT_EQ(got, (std::vector<std::int8_t>{0, 0, 2, -2, 127, 127, -127, 0}));
}

TEST(Kernels, BinaryPacksFirstDimensionHighest) {
  const std::vector<float> x{1, -1, 0, 2, 0, 0, 0, 3, 1};
  std::byte got[2];
  to_binary(x.data(), x.size(), got);
  EXPECT_EQ(static_cast<int>(got[0]), 0b10010001);
  EXPECT_EQ(static_cast<int>(got[1]), 0b10000000);
}

TEST(Kernels, UnknownIsaIsRefused) {
  EXPECT_THROW(force_isa("mmx2"), Error);
  EXPECT_FALSE(supported_isas().empty());
}

}  // namespace
}  // namespace embedtool
