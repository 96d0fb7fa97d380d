#include "core/math/attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/math/matrix.hpp"
#include "tests/support/portable_bits.hpp"

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

/// Whether query `row` sees key `j`.
bool sees(const Case& c, std::size_t row, std::size_t j) {
  if (j < row && row - j > c.left) return false;
  if (j > row && j - row > c.right) return false;
  return c.keys == 0 || j < c.keys;
}

/// softmax(scale Q Kᵀ + bias) V of one head, in f64: [length, head_dim].
RowMajorMatrix<double> reference(ConstMatrix qkv, const std::vector<float>& bias, const Case& c,
                                 std::size_t head, double scale) {
  const std::size_t kv_head = head / (c.heads / c.groups());
  const auto part = [&](std::size_t first_head) {
    return qkv.columns_from(first_head * c.head_dim, c.head_dim).cast<double>().eval();
  };
  const RowMajorMatrix<double> key = part(c.heads + kv_head);
  RowMajorMatrix<double> scores = scale * part(head) * key.transpose();
  MatrixView<double> weights(scores.data(), c.length, c.length);
  for (std::size_t row = 0; row < c.length; ++row) {
    double* score = weights.row_data(row);
    for (std::size_t j = 0; j < c.length; ++j) {
      if (!sees(c, row, j)) score[j] = -std::numeric_limits<double>::infinity();
      if (c.biased) score[j] += bias[head * (2 * c.length - 1) + c.length - 1 + j - row];
    }
  }
  scores.colwise() -= scores.rowwise().maxCoeff().eval();
  scores = scores.array().exp();
  scores.array().colwise() /= scores.rowwise().sum().eval().array();
  return scores * part(c.heads + c.groups() + kv_head);
}

enum class Precision { f32, int8 };

void check(const Case& c, float spread, Precision precision = Precision::f32) {
  const auto qkv = random_floats(c.length * c.width(), spread);
  const auto bias = random_floats(c.heads * (2 * c.length - 1), 2.0F);
  const std::size_t hidden = c.heads * c.head_dim;
  std::vector<float> out(c.length * hidden);
  const bool int8 = precision == Precision::int8;
  Buffer<std::byte> scratch(int8 ? attention_int8_scratch_bytes(c.length, c.head_dim)
                                 : attention_scratch_bytes(c.length, c.head_dim));
  const float scale = 1.0F / std::sqrt(static_cast<float>(c.head_dim));
  const ConstMatrix states(qkv.data(), c.length, c.width());
  const std::size_t keys = c.groups() * c.head_dim;
  AttentionArgs args{.query = states.data(),
                     .key = states.columns_from(hidden, keys).data(),
                     .value = states.columns_from(hidden + keys, keys).data(),
                     .stride = states.stride(),
                     .length = c.length,
                     .heads = c.heads,
                     .kv_heads = c.groups(),
                     .head_dim = c.head_dim,
                     .scale = scale,
                     .out = out.data(),
                     .out_stride = hidden,
                     .left = c.left,
                     .right = c.right,
                     .keys = c.keys};
  if (c.biased) {
    args.bias = bias.data() + c.length - 1;
    args.bias_stride = 2 * c.length - 1;
  }
  (int8 ? attention_int8 : attention)(args, scratch.data());
  // A convex mix of values: errors are relative to the values' size (spread × 5 σ) and grow with
  // the scores' own rounding, spread² · √head_dim · eps.
  // In int8 a value is off by up to half a step of a 127th of the largest, and a score by what the
  // steps of query and key add up to.
  const double bound =
      5.0 * spread * (int8 ? 0.012 : 2e-6 + 4e-7 * static_cast<double>(spread * spread));
  for (std::size_t head = 0; head < c.heads; ++head) {
    const auto want = reference(states, bias, c, head, static_cast<double>(scale));
    const ConstMatrix got(out.data() + head * c.head_dim, c.length, c.head_dim, hidden);
    ASSERT_LE((got.cast<double>() - want).cwiseAbs().maxCoeff(), bound)
        << "length " << c.length << " head " << head;
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

class Int8Attention : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_attention_int8()) GTEST_SKIP() << "no products of byte quadruples here";
  }
};

TEST_F(Int8Attention, IsCloseToF64AtEveryBoundary) {
  for (const std::size_t length :
       {1U, 2U, 6U, 7U, 16U, 17U, 127U, 128U, 129U, 511U, 512U, 513U, 640U, 1030U}) {
    for (const std::size_t head_dim : {1U, 4U, 7U, 16U, 32U, 33U, 64U, 80U, 128U}) {
      check({length, 2, head_dim, 2}, 1.0F, Precision::int8);
    }
  }
}

TEST_F(Int8Attention, SharedHeadsCausalWindowedBiasedAndUnseen) {
  for (const std::size_t length : {1U, 5U, 130U, 600U, 1100U}) {
    check({length, 4, 16, 2}, 1.0F, Precision::int8);
    check({length, 2, 16, 2, kUnlimitedSpan, 0}, 1.0F, Precision::int8);
    check({length, 2, 32, 2, 64, 64}, 1.0F, Precision::int8);
    check({length, 2, 16, 1, 511, 3}, 1.0F, Precision::int8);
    check({length, 2, 16, 2, 0, 0}, 1.0F, Precision::int8);
    check({length, 2, 16, 2, kUnlimitedSpan, kUnlimitedSpan, true}, 1.0F, Precision::int8);
    check({length, 2, 16, 2, kUnlimitedSpan, kUnlimitedSpan, false, (length + 1) / 2}, 1.0F,
          Precision::int8);
  }
}

/// One head of `length` tokens, as both precisions compute it.
struct BothWays {
  BothWays(std::size_t length, std::size_t dims, const std::vector<float>& qkv)
      : f32(length * dims), int8(length * dims) {
    AttentionArgs args{.query = qkv.data(),
                       .key = qkv.data() + dims,
                       .value = qkv.data() + 2 * dims,
                       .stride = 3 * dims,
                       .length = length,
                       .heads = 1,
                       .kv_heads = 1,
                       .head_dim = dims,
                       .scale = 1.0F / std::sqrt(static_cast<float>(dims)),
                       .out = f32.data(),
                       .out_stride = dims};
    Buffer<std::byte> scratch(attention_scratch_bytes(length, dims));
    attention(args, scratch.data());
    const std::size_t bytes = attention_int8_scratch_bytes(length, dims);
    Buffer<std::byte> other(bytes);
    std::fill_n(other.data(), bytes, std::byte{0xff});  // must not matter
    args.out = int8.data();
    attention_int8(args, other.data());
  }

  double cosine() const {
    double dot = 0.0;
    double first = 0.0;
    double second = 0.0;
    for (std::size_t i = 0; i < f32.size(); ++i) {
      dot += static_cast<double>(f32[i]) * int8[i];
      first += static_cast<double>(f32[i]) * f32[i];
      second += static_cast<double>(int8[i]) * int8[i];
    }
    return dot / std::sqrt(first * second);
  }

  std::vector<float> f32;
  std::vector<float> int8;
};

// As separators do it in trained models: one token draws nearly all the weight and gives next to
// nothing, so that the vector is made of the crumbs that the others get.
TEST_F(Int8Attention, OneTokenThatDrawsTheWeightDoesNotDrownTheOthers) {
  constexpr std::size_t kLength = 2000;
  constexpr std::size_t kDims = 32;
  std::vector<float> qkv = random_floats(kLength * 3 * kDims, 1.0F);
  for (std::size_t i = 0; i < kDims; ++i) {
    for (std::size_t t = 0; t < kLength; ++t) qkv[t * 3 * kDims + i] += 1.0F;
    qkv[7 * 3 * kDims + kDims + i] = 2.0F;        // its key: scores about 11 above the rest
    qkv[7 * 3 * kDims + 2 * kDims + i] = 0.001F;  // its value
  }
  // 0.84 if that token's value keeps its rounding error.
  EXPECT_GT(BothWays(kLength, kDims, qkv).cosine(), 0.98);
}

TEST_F(Int8Attention, WhatAllKeysAndValuesShareCostsNoResolution) {
  constexpr std::size_t kLength = 700;
  constexpr std::size_t kDims = 64;
  std::vector<float> qkv = random_floats(kLength * 3 * kDims, 0.5F);
  for (std::size_t t = 0; t < kLength; ++t) {
    qkv[t * 3 * kDims + kDims + 3] += 50.0F;      // a channel that is large in every key
    qkv[t * 3 * kDims + 2 * kDims + 9] += 50.0F;  // and in every value
  }
  const BothWays both(kLength, kDims, qkv);
  for (std::size_t i = 0; i < both.f32.size(); ++i) {
    ASSERT_NEAR(both.int8[i], both.f32[i], 0.02) << i;
  }
}

TEST_F(Int8Attention, ZerosAndLargeScoresStayFinite) {
  for (const float spread : {0.0F, 12.0F, 1e4F}) {
    const BothWays both(600, 16, random_floats(600U * 48U, spread));
    for (const float v : both.int8) ASSERT_TRUE(std::isfinite(v)) << spread;
  }
}

TEST_F(Int8Attention, HasTheSameBitsOnEveryCpu) {
  std::vector<float> all;
  for (const std::size_t length : {5U, 129U, 700U}) {
    for (const std::size_t dims : {16U, 33U, 64U}) {
      const BothWays both(length, dims, portable_floats(length * 3 * dims, 1));
      all.insert(all.end(), both.int8.begin(), both.int8.end());
    }
  }
  EXPECT_EQ(hash_of(all), 4251378552575165449U);
}

}  // namespace
}  // namespace embedtool
