// Against scalar f64 arithmetic, for sizes around every vector width.
#include "core/math/block_kernels.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace embedtool {
namespace {

std::vector<float> random_floats(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(n);
  for (float& x : out) x = normal(random);
  return out;
}

constexpr std::size_t kSizes[] = {1, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 100};

TEST(BlockKernels, RmsNormDividesByTheRootOfTheMeanSquare) {
  for (const std::size_t n : kSizes) {
    std::vector<float> x = random_floats(3 * n, 1);
    const std::vector<float> before = x;
    const std::vector<float> gamma = random_floats(n, 2);
    rms_norm({x.data(), gamma.data(), 1e-6F, 3, n, x.data()});
    for (std::size_t r = 0; r < 3; ++r) {
      double sum = 0;
      for (std::size_t i = 0; i < n; ++i) sum += std::pow(double{before[r * n + i]}, 2);
      const double root = std::sqrt(sum / static_cast<double>(n) + 1e-6);
      for (std::size_t i = 0; i < n; ++i) {
        EXPECT_NEAR(x[r * n + i], before[r * n + i] / root * gamma[i], 4e-6) << n;
      }
    }
  }
}

TEST(BlockKernels, GateMultipliesInPlaceEitherWayRound) {
  for (const std::size_t n : kSizes) {
    for (const bool second : {false, true}) {
      std::vector<float> x = random_floats(5 * 2 * n, 3);
      const std::vector<float> before = x;
      gate({x.data(), 5, n, Activation::silu, second, x.data()});
      for (std::size_t r = 0; r < 5; ++r) {
        for (std::size_t i = 0; i < n; ++i) {
          const double first_half = before[r * 2 * n + i];
          const double second_half = before[r * 2 * n + n + i];
          const double g = second ? second_half : first_half;
          const double v = second ? first_half : second_half;
          EXPECT_NEAR(x[r * n + i], g / (1 + std::exp(-g)) * v, 4e-6) << n << " " << second;
        }
      }
    }
  }
}

TEST(BlockKernels, RotateTurnsPairsAndLeavesTheRest) {
  for (const std::size_t half : kSizes) {
    for (const bool interleaved : {false, true}) {
      const std::size_t head = 2 * half + 3;
      std::vector<float> x = random_floats(2 * head, 4);
      const std::vector<float> before = x;
      std::vector<float> angles(2 * half);
      for (std::size_t i = 0; i < half; ++i) {
        angles[i] = static_cast<float>(std::cos(0.3 * static_cast<double>(i)));
        angles[half + i] = static_cast<float>(std::sin(0.3 * static_cast<double>(i)));
      }
      rotate({x.data(), 2, head, 2 * half, interleaved, angles.data()});
      for (std::size_t h = 0; h < 2; ++h) {
        for (std::size_t i = 0; i < half; ++i) {
          const std::size_t a = h * head + (interleaved ? 2 * i : i);
          const std::size_t b = h * head + (interleaved ? 2 * i + 1 : half + i);
          EXPECT_NEAR(x[a], before[a] * angles[i] - before[b] * angles[half + i], 1e-6);
          EXPECT_NEAR(x[b], before[b] * angles[i] + before[a] * angles[half + i], 1e-6);
        }
        for (std::size_t i = 2 * half; i < head; ++i) {
          EXPECT_EQ(x[h * head + i], before[h * head + i]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace embedtool
