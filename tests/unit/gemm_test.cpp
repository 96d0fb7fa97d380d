#include "core/math/gemm_backends.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <tuple>

#include "core/base/error.hpp"
#include "core/math/half.hpp"
#include "core/math/kernels.hpp"
#include "tests/support/portable_bits.hpp"

namespace embedtool {
namespace {

struct Shape {
  std::size_t in;
  std::size_t out;
};

/// Linear layers of real models, and sizes that fill no vector.
const Shape kShapes[] = {{384, 1152}, {384, 384}, {1536, 384}, {768, 3072}, {64, 192},
                         {36, 100},   {100, 36},  {37, 101},   {8, 8},      {1, 1}};

std::vector<float> random_floats(std::size_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(n);
  for (float& v : out) v = normal(generator);
  return out;
}

/// A layer of one backend with buffers of its own.
struct Fixture {
  Fixture(const GemmBackend& backend, const LinearParams& p)
      : backend(backend), params(p), layer(backend.make_linear(p)) {
    scratch.reserve(layer->scratch_bytes() + 1);
  }

  std::vector<float> run(const std::vector<float>& x, std::size_t rows) {
    const std::size_t room = round_up(rows, backend.row_block());
    std::vector<float> padded(room * params.in);
    std::copy_n(x.begin(), rows * params.in, padded.begin());
    std::vector<float> y(room * params.out);
    layer->forward(padded.data(), rows, y.data(), scratch.data());
    y.resize(rows * params.out);
    return y;
  }

  const GemmBackend& backend;
  LinearParams params;
  std::unique_ptr<LinearLayer> layer;
  Buffer<std::byte> scratch;
};

using Choice = std::tuple<const GemmBackend*, Compute>;

class GemmBackends : public testing::TestWithParam<Choice> {
 protected:
  void SetUp() override {
    const std::string why = backend().unavailable(compute());
    if (!why.empty()) GTEST_SKIP() << why;
  }
  static const GemmBackend& backend() { return *std::get<0>(GetParam()); }
  static Compute compute() { return std::get<1>(GetParam()); }
};

TEST_P(GemmBackends, AgreesWithReferenceWithinRounding) {
  for (const Shape s : kShapes) {
    const auto weight = random_floats(s.in * s.out, 1);
    const auto bias = random_floats(s.out, 2);
    auto x = random_floats(130 * s.in, 3);
    if (backend().saves_only_memory(compute())) {  // and leaves inputs as they are
      for (float& v : x) v = bf16_to_float(float_to_bf16(v));
    }
    const LinearParams p{weight.data(),    bias.data(), s.in, s.out,
                         Activation::gelu, compute(),   false};
    const auto got = Fixture(backend(), p).run(x, 130);
    const auto want = Fixture(*gemm_backends().back(), p).run(x, 130);
    // The reference rounds weights and inputs as the precision does, so that only sums differ. A
    // dot product of n unit normals errs by at most n·eps·|x||w| ≈ n·eps·n in the worst case,
    // √n·eps·√n in practice; GELU's slope is at most 1.13.
    const double bound = 8.0 * static_cast<double>(s.in) * 1.2e-7 + 2e-6;
    for (std::size_t i = 0; i < want.size(); ++i) {
      ASSERT_NEAR(got[i], want[i], bound) << s.in << "x" << s.out << " at " << i;
    }
  }
}

TEST_P(GemmBackends, StaysCloseToF32) {
  constexpr std::size_t kIn = 768;
  constexpr std::size_t kOut = 64;
  const auto weight = random_floats(kIn * kOut, 1);
  const auto x = random_floats(50 * kIn, 3);
  LinearParams p{weight.data(), nullptr, kIn, kOut, Activation::identity, compute(), false};
  const auto got = Fixture(backend(), p).run(x, 50);
  p.compute = Compute::f32;
  const auto want = Fixture(*gemm_backends().back(), p).run(x, 50);
  // Relative error of one product: rounding to bf16 errs by up to 2^-9 of a value; to int8 by half
  // a step of max/127 or (max - min)/255, where the largest of 768 unit normals is below 4.5. Over
  // a dot product of n such terms errors grow like √n, as the unit normals' sum does; 6 sigma.
  const double step = 4.5 / 127.0 / std::sqrt(12.0);
  const double one = compute() == Compute::int8 ? step : compute() == Compute::bf16 ? 2e-3 : 1e-6;
  const double bound = 6.0 * std::sqrt(2.0 * kIn) * one;
  for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(got[i], want[i], bound) << i;
}

TEST_P(GemmBackends, ZeroRowsGiveTheBias) {
  const auto weight = random_floats(40 * 50, 1);
  const auto bias = random_floats(50, 2);
  const LinearParams p{weight.data(), bias.data(), 40, 50, Activation::identity, compute(), false};
  const auto got = Fixture(backend(), p).run(std::vector<float>(3 * 40), 3);
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], bias[i % 50]) << i;
}

TEST_P(GemmBackends, RowsDoNotDependOnTheirPlaceOrCompany) {
  constexpr std::size_t kRows = 200;
  for (const Shape s : kShapes) {
    const auto weight = random_floats(s.in * s.out, 1);
    const auto x = random_floats(kRows * s.in, 3);
    const LinearParams p{weight.data(),        nullptr,   s.in, s.out,
                         Activation::identity, compute(), true};
    Fixture layer(backend(), p);
    const auto all = layer.run(x, kRows);
    std::vector<std::size_t> order(kRows);
    std::iota(order.begin(), order.end(), 0U);
    std::shuffle(order.begin(), order.end(), std::mt19937(4));
    for (const std::size_t count : {1U, 2U, 3U, 7U, 17U, 65U, 95U, 96U, 97U, 200U}) {
      std::vector<float> picked;
      for (std::size_t i = 0; i < count; ++i) {
        picked.insert(picked.end(), x.begin() + static_cast<std::ptrdiff_t>(order[i] * s.in),
                      x.begin() + static_cast<std::ptrdiff_t>((order[i] + 1) * s.in));
      }
      const auto some = layer.run(picked, count);
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_EQ(0, std::memcmp(&some[i * s.out], &all[order[i] * s.out], s.out * sizeof(float)))
            << s.in << "x" << s.out << ", " << count << " rows, row " << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, GemmBackends,
                         testing::Combine(testing::ValuesIn(gemm_backends()),
                                          testing::Values(Compute::f32, Compute::bf16,
                                                          Compute::int8)),
                         [](const auto& info) {
                           return fmt::format("{}_{}", std::get<0>(info.param)->name(),
                                              name_of(std::get<1>(info.param)));
                         });

TEST(GemmIntegers, SumsAreExactInEveryBackend) {
  for (const GemmBackend* backend : gemm_backends()) {
    if (!backend->unavailable(Compute::int8).empty()) continue;
    for (const Shape s : kShapes) {
      const auto weight = random_floats(s.in * s.out, 1);
      const auto x = random_floats(19 * s.in, 3);
      const LinearParams p{weight.data(),        nullptr,       s.in, s.out,
                           Activation::identity, Compute::int8, false};
      const auto got = Fixture(*backend, p).run(x, 19);
      const auto want = Fixture(*gemm_backends().back(), p).run(x, 19);
      // A sum wrong by one would show as the product of two steps, (max - min)/255 · max/127: with
      // unit normals at least 1e-4. What is left is the rounding of the scaling.
      for (std::size_t i = 0; i < want.size(); ++i) {
        ASSERT_NEAR(got[i], want[i], 3e-5) << backend->name() << " " << s.in << "x" << s.out;
      }
    }
  }
}

TEST(GemmIntegers, RowsHaveTheSameBitsOnEveryCpuWithFusedMultiplyAdd) {
  if (kernel_isa().find("SSE") != std::string::npos || kernel_isa() == "SCALAR") {
    GTEST_SKIP() << kernel_isa() << " scales sums in two steps";
  }
  std::vector<float> all;
  for (const Shape s : kShapes) {
    const auto weight = portable_floats(s.in * s.out, 1);
    const auto bias = portable_floats(s.out, 2);
    const LinearParams p{weight.data(),        bias.data(),   s.in, s.out,
                         Activation::identity, Compute::int8, false};
    const GemmBackend& native = select_gemm("native", Compute::int8);
    const auto y = Fixture(native, p).run(portable_floats(19 * s.in, 3), 19);
    all.insert(all.end(), y.begin(), y.end());
  }
  EXPECT_EQ(hash_of(all), 6392632942766703489U);
}

TEST(SelectGemm, NamesWhatThereIs) {
  EXPECT_EQ(select_gemm("reference", Compute::int8).name(), "reference");
  EXPECT_THROW(select_gemm("cuda", Compute::f32), Error);
  EXPECT_THROW(select_gemm("openblas", Compute::bf16), Error);
  EXPECT_TRUE(select_gemm("auto", Compute::bf16).unavailable(Compute::bf16).empty());
}

}  // namespace
}  // namespace embedtool
