#include "core/pipeline/search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace embedtool {
namespace {

TEST(TopK, EqualsFullSort) {
  constexpr std::size_t kDims = 19;
  constexpr std::size_t kRows = 500;
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<float> rows(kRows * kDims);
  std::vector<float> queries(3 * kDims);
  for (float& v : rows) v = normal(generator);
  for (float& v : queries) v = normal(generator);
  TopK top(queries, kDims, 10);
  for (std::size_t first = 0; first < kRows; first += 77) {
    const std::size_t n = std::min<std::size_t>(77, kRows - first);
    top.offer({rows.data() + first * kDims, n * kDims}, first);
  }
  for (std::size_t q = 0; q < 3; ++q) {
    std::vector<std::pair<double, std::uint64_t>> all;
    for (std::size_t r = 0; r < kRows; ++r) {
      double ab = 0, aa = 0, bb = 0;
      for (std::size_t i = 0; i < kDims; ++i) {
        const double a = queries[q * kDims + i];
        const double b = rows[r * kDims + i];
        ab += a * b, aa += a * a, bb += b * b;
      }
      all.emplace_back(-ab / std::sqrt(aa * bb), r);
    }
    std::sort(all.begin(), all.end());
    const auto matches = top.matches(q);
    ASSERT_EQ(matches.size(), 10U);
    for (std::size_t i = 0; i < 10; ++i) {
      EXPECT_EQ(matches[i].row, all[i].second);
      EXPECT_NEAR(matches[i].score, -all[i].first, 1e-6);
    }
  }
}

TEST(TopK, FewerRowsThanAskedForAndNotANumber) {
  const std::vector<float> query{1, 0};
  const std::vector<float> rows{0, 2, std::numeric_limits<float>::quiet_NaN(), 1, 3, 0, 0, 0};
  TopK top(query, 2, 10);
  top.offer(rows, 0);
  const auto matches = top.matches(0);
  ASSERT_EQ(matches.size(), 3U);
  EXPECT_EQ(matches[0].row, 2U);
  EXPECT_FLOAT_EQ(matches[0].score, 1.0F);
}

}  // namespace
}  // namespace embedtool
