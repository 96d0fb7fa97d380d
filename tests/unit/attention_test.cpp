#include "core/math/attention.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace embedtool {
namespace {

struct Case {
  std::size_t length;
  std::size_t heads;
  std::size_t head_dim;
};

std::vector<float> random_floats(std::size_t n, float spread) {
  std::mt19937 generator(static_cast<unsigned>(n));
  std::normal_distribution<float> normal(0.0F, spread);
  std::vector<float> out(n);
  for (float& v : out) v = normal(generator);
  return out;
}

/// softmax(scale Q Kᵀ) V of one head and query row, in f64.
std::vector<double> reference_row(const std::vector<float>& qkv, const Case& c, std::size_t head,
                                  std::size_t row, double scale) {
  const std::size_t hidden = c.heads * c.head_dim;
  const auto at = [&](std::size_t part, std::size_t token, std::size_t i) {
    return static_cast<double>(qkv[token * 3 * hidden + part * hidden + head * c.head_dim + i]);
  };
  std::vector<double> weight(c.length);
  double top = -1e300;
  for (std::size_t j = 0; j < c.length; ++j) {
    for (std::size_t i = 0; i < c.head_dim; ++i) weight[j] += at(0, row, i) * at(1, j, i) * scale;
    top = std::max(top, weight[j]);
  }
  double sum = 0;
  for (double& w : weight) sum += w = std::exp(w - top);
  std::vector<double> out(c.head_dim);
  for (std::size_t j = 0; j < c.length; ++j) {
    for (std::size_t i = 0; i < c.head_dim; ++i) out[i] += weight[j] / sum * at(2, j, i);
  }
  return out;
}

void check(const Case& c, float spread) {
  const std::size_t hidden = c.heads * c.head_dim;
  const auto qkv = random_floats(c.length * 3 * hidden, spread);
  std::vector<float> out(c.length * hidden);
  Buffer<std::byte> scratch(attention_scratch_bytes(c.length, c.head_dim));
  const float scale = 1.0F / std::sqrt(static_cast<float>(c.head_dim));
  attention({qkv.data(), qkv.data() + hidden, qkv.data() + 2 * hidden, 3 * hidden, c.length,
             c.heads, c.head_dim, scale, out.data(), hidden},
            scratch.data());
  for (std::size_t row = 0; row < c.length; row += 1 + c.length / 40) {
    for (std::size_t head = 0; head < c.heads; ++head) {
      const auto want = reference_row(qkv, c, head, row, static_cast<double>(scale));
      for (std::size_t i = 0; i < c.head_dim; ++i) {
        // A convex mix of values: errors are relative to the values' size (spread × 5 σ) and grow
        // with the scores' own rounding, spread² · √head_dim · eps.
        const double bound = 5.0 * spread * (2e-6 + 4e-7 * spread * spread);
        ASSERT_NEAR(out[row * hidden + head * c.head_dim + i], want[i], bound)
            << "length " << c.length << " row " << row << " head " << head;
      }
    }
  }
}

TEST(Attention, MatchesF64AtEveryBoundary) {
  for (const std::size_t length :
       {1U, 2U, 5U, 6U, 7U, 15U, 16U, 17U, 31U, 64U, 65U, 127U, 511U, 512U, 513U, 1030U}) {
    for (const std::size_t head_dim : {1U, 7U, 12U, 16U, 32U, 33U, 64U}) {
      check({length, 2, head_dim}, 1.0F);
    }
  }
}

TEST(Attention, LargeScoresDoNotOverflow) {
  check({40, 3, 32}, 12.0F);
  check({1500, 1, 32}, 12.0F);
}

}  // namespace
}  // namespace embedtool
