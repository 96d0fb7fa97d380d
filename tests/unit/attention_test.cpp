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
  std::size_t kv_heads;  ///< 0 = as many as heads
  std::size_t left = kUnlimitedSpan;
  std::size_t right = kUnlimitedSpan;
  bool biased = false;
  std::size_t keys = 0;

  std::size_t groups() const { return kv_heads == 0 ? heads : kv_heads; }
  std::size_t width() const { return (heads + 2 * groups()) * head_dim; }
};

std::vector<float> random_floats(std::size_t n, float spread) {
  std::mt19937 generator(static_cast<unsigned>(n));
  std::normal_distribution<float> normal(0.0F, spread);
  std::vector<float> out(n);
  for (float& v : out) v = normal(generator);
  return out;
}

/// softmax(scale Q Kᵀ + bias) V over what the query sees, of one head and query row, in f64.
std::vector<double> reference_row(const std::vector<float>& qkv, const std::vector<float>& bias,
                                  const Case& c, std::size_t head, std::size_t row, double scale) {
  const std::size_t kv_head = head / (c.heads / c.groups());
  const auto at = [&](std::size_t column, std::size_t token) {
    return static_cast<double>(qkv[token * c.width() + column]);
  };
  const std::size_t keys = (c.heads + kv_head) * c.head_dim;
  const std::size_t values = (c.heads + c.groups() + kv_head) * c.head_dim;
  std::vector<double> weight(c.length, -1e300);
  double top = -1e300;
  for (std::size_t j = 0; j < c.length; ++j) {
    if (j < row && row - j > c.left) continue;
    if (j > row && j - row > c.right) continue;
    if (c.keys != 0 && j >= c.keys) continue;
    weight[j] = c.biased
                    ? static_cast<double>(bias[head * (2 * c.length - 1) + c.length - 1 + j - row])
                    : 0.0;
    for (std::size_t i = 0; i < c.head_dim; ++i) {
      weight[j] += at(head * c.head_dim + i, row) * at(keys + i, j) * scale;
    }
    top = std::max(top, weight[j]);
  }
  double sum = 0;
  for (double& w : weight) sum += w = std::exp(w - top);
  std::vector<double> out(c.head_dim);
  for (std::size_t j = 0; j < c.length; ++j) {
    for (std::size_t i = 0; i < c.head_dim; ++i) out[i] += weight[j] / sum * at(values + i, j);
  }
  return out;
}

void check(const Case& c, float spread) {
  const auto qkv = random_floats(c.length * c.width(), spread);
  const auto bias = random_floats(c.heads * (2 * c.length - 1), 2.0F);
  const std::size_t hidden = c.heads * c.head_dim;
  std::vector<float> out(c.length * hidden);
  Buffer<std::byte> scratch(attention_scratch_bytes(c.length, c.head_dim));
  const float scale = 1.0F / std::sqrt(static_cast<float>(c.head_dim));
  AttentionArgs args{qkv.data(),
                     qkv.data() + hidden,
                     qkv.data() + hidden + c.groups() * c.head_dim,
                     c.width(),
                     c.length,
                     c.heads,
                     c.groups(),
                     c.head_dim,
                     scale,
                     out.data(),
                     hidden,
                     c.left,
                     c.right,
                     c.keys};
  if (c.biased) {
    args.bias = bias.data() + c.length - 1;
    args.bias_stride = 2 * c.length - 1;
  }
  attention(args, scratch.data());
  for (std::size_t row = 0; row < c.length; row += 1 + c.length / 40) {
    for (std::size_t head = 0; head < c.heads; ++head) {
      const auto want = reference_row(qkv, bias, c, head, row, static_cast<double>(scale));
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
      check({length, 2, head_dim, 2}, 1.0F);
    }
  }
}

TEST(Attention, LargeScoresDoNotOverflow) {
  check({40, 3, 32, 3}, 12.0F);
  check({1500, 1, 32, 1}, 12.0F);
}

TEST(Attention, QueryHeadsShareKeyHeads) {
  check({37, 6, 16, 2}, 1.0F);
  check({37, 4, 8, 1}, 1.0F);
}

TEST(Attention, CausalAndWindowed) {
  for (const std::size_t length : {1U, 5U, 7U, 64U, 130U, 600U, 1100U}) {
    check({length, 2, 16, 2, kUnlimitedSpan, 0}, 1.0F);
    check({length, 2, 16, 2, 64, 64}, 1.0F);
    check({length, 2, 16, 1, 511, 3}, 1.0F);
    check({length, 2, 16, 2, 0, 0}, 1.0F);
    check({length, 2, 16, 2, 0, kUnlimitedSpan}, 1.0F);
  }
}

TEST(Attention, SeesTheFirstKeysOnly) {
  for (const std::size_t length : {2U, 13U, 64U, 600U}) {
    for (const std::size_t keys : {1U, 2U, 7U, 16U, 513U}) {
      if (keys > length) continue;
      check({length, 2, 16, 2, kUnlimitedSpan, kUnlimitedSpan, false, keys}, 1.0F);
    }
  }
  check({64, 2, 16, 2, 40, 40, false, 30}, 1.0F);
}

TEST(Attention, BiasByDistance) {
  for (const std::size_t length : {1U, 5U, 17U, 128U, 700U}) {
    check({length, 3, 16, 3, kUnlimitedSpan, kUnlimitedSpan, true}, 1.0F);
    check({length, 4, 16, 2, 40, 0, true}, 1.0F);
  }
}

}  // namespace
}  // namespace embedtool
