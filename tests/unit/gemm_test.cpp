#include "core/math/gemm.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

#include "core/math/kernels.hpp"

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

class GemmBackends : public testing::TestWithParam<const GemmBackend*> {
 protected:
  void SetUp() override {
    if (const std::string why = GetParam()->unavailable(); !why.empty()) GTEST_SKIP() << why;
  }
};

TEST_P(GemmBackends, AgreesWithReferenceWithinRounding) {
  for (const Shape s : kShapes) {
    const auto weight = random_floats(s.in * s.out, 1);
    const auto bias = random_floats(s.out, 2);
    const auto x = random_floats(130 * s.in, 3);
    LinearParams p{weight.data(), bias.data(), s.in, s.out, Activation::gelu, false};
    const auto got = Fixture(*GetParam(), p).run(x, 130);
    const auto want = Fixture(*gemm_backends().back(), p).run(x, 130);
    // A dot product of n unit normals errs by at most n·eps·|x||w| ≈ n·eps·n in the worst case,
    // √n·eps·√n in practice; GELU's slope is at most 1.13.
    const double bound = 8.0 * static_cast<double>(s.in) * 1.2e-7 + 2e-6;
    for (std::size_t i = 0; i < want.size(); ++i) {
      ASSERT_NEAR(got[i], want[i], bound) << s.in << "x" << s.out << " at " << i;
    }
  }
}

TEST_P(GemmBackends, RowsDoNotDependOnTheirPlaceOrCompany) {
  constexpr std::size_t kRows = 200;
  for (const Shape s : kShapes) {
    const auto weight = random_floats(s.in * s.out, 1);
    const auto x = random_floats(kRows * s.in, 3);
    LinearParams p{weight.data(), nullptr, s.in, s.out, Activation::identity, true};
    Fixture layer(*GetParam(), p);
    const auto all = layer.run(x, kRows);
    std::vector<std::size_t> order(kRows);
    std::iota(order.begin(), order.end(), 0U);
    std::shuffle(order.begin(), order.end(), std::mt19937(4));
    for (const std::size_t count : {std::size_t{1}, std::size_t{17}, std::size_t{65}, kRows}) {
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

INSTANTIATE_TEST_SUITE_P(All, GemmBackends, testing::ValuesIn(gemm_backends()),
                         [](const auto& info) { return std::string(info.param->name()); });

}  // namespace
}  // namespace embedtool
