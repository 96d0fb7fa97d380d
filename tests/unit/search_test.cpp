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
  TopK top({queries}, kDims, 10, Similarity::cosine, 2);
  for (std::size_t first = 0; first < kRows; first += 77) {
    const std::size_t n = std::min<std::size_t>(77, kRows - first);
    top.offer({std::span<const float>(rows).subspan(first * kDims, n * kDims)}, first);
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
  TopK top({query}, 2, 10);
  top.offer({rows}, 0);
  const auto matches = top.matches(0);
  ASSERT_EQ(matches.size(), 3U);
  EXPECT_EQ(matches[0].row, 2U);
  EXPECT_FLOAT_EQ(matches[0].score, 1.0F);
}

TEST(TopK, SumsTheGreatestProductsOfEachQueryVector) {
  constexpr std::size_t kDims = 24;
  constexpr std::size_t kQueries = 5;
  std::mt19937 generator(2);
  std::normal_distribution<float> normal;
  const auto make = [&](std::size_t count, std::size_t most) {
    std::pair<std::vector<float>, std::vector<std::uint64_t>> out{{}, {0}};
    for (std::size_t i = 0; i < count; ++i) {
      out.second.push_back(out.second.back() + generator() % (most + 1));
    }
    out.first.resize(out.second.back() * kDims);
    for (float& v : out.first) v = normal(generator);
    return out;
  };
  const auto [queries, query_ends] = make(kQueries, 9);
  const auto [rows, row_ends] = make(300, 40);
  const auto score = [&, &queries = queries, &query_ends = query_ends, &rows = rows,
                      &row_ends = row_ends](std::size_t q, std::size_t r) {
    double sum = 0.0;
    for (std::size_t a = query_ends[q]; a < query_ends[q + 1]; ++a) {
      double greatest = row_ends[r] == row_ends[r + 1] ? 0.0 : -1e9;
      for (std::size_t b = row_ends[r]; b < row_ends[r + 1]; ++b) {
        double product = 0.0;
        for (std::size_t i = 0; i < kDims; ++i) {
          product += double{queries[a * kDims + i]} * double{rows[b * kDims + i]};
        }
        greatest = std::max(greatest, product);
      }
      sum += greatest;
    }
    return sum;
  };
  for (const std::size_t threads : {1U, 3U}) {
    TopK top({queries, query_ends}, kDims, 300, Similarity::max_sim, threads);
    top.offer({rows, row_ends}, 1000);
    for (std::size_t q = 0; q < kQueries; ++q) {
      const auto matches = top.matches(q);
      ASSERT_EQ(matches.size(), 300U);
      for (const Match& match : matches) {
        EXPECT_NEAR(match.score, score(q, match.row - 1000), 1e-4) << q << ", " << match.row;
      }
    }
  }
}

TEST(TopK, LeavesOutRowsOfSeveralVectorsWithANan) {
  const std::vector<float> query{1, 0};
  const std::vector<std::uint64_t> one{0, 1};
  const std::vector<float> rows{1, 0, std::numeric_limits<float>::quiet_NaN(), 0, 0, 1};
  const std::vector<std::uint64_t> ends{0, 2, 2, 3};
  TopK top({query, one}, 2, 10, Similarity::max_sim);
  top.offer({rows, ends}, 0);
  const auto matches = top.matches(0);
  ASSERT_EQ(matches.size(), 2U);  // without vectors, and at a right angle
  EXPECT_EQ(matches[0].row, 1U);
  EXPECT_FLOAT_EQ(matches[1].score, 0.0F);
}

}  // namespace
}  // namespace embedtool
