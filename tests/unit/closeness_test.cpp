#include "core/pipeline/closeness.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace embedtool {
namespace {

TEST(Closeness, WorstAndMeanCosine) {
  const std::vector<float> a{1, 0, 0, 2};
  const std::vector<float> b{3, 4, 0, 1};  // 3/5 and 1
  const Closeness c = compare_vectors(a, b, 2);
  EXPECT_NEAR(c.worst, 0.6, 1e-12);
  EXPECT_NEAR(c.mean, 0.8, 1e-12);
}

TEST(Closeness, ZeroVectorsAreEqualToEachOtherOnly) {
  const std::vector<float> zero{0, 0};
  const std::vector<float> one{1, 0};
  EXPECT_EQ(compare_vectors(zero, zero, 2).worst, 1);
  EXPECT_EQ(compare_vectors(zero, one, 2).worst, -1);
}

TEST(Closeness, WhatIsNotFiniteIsAsFarAsCanBe) {
  const std::vector<float> a{1, std::numeric_limits<float>::quiet_NaN()};
  const std::vector<float> b{1, 0};
  EXPECT_EQ(compare_vectors(a, b, 2).worst, -1);
}

TEST(Closeness, OfNothing) {
  EXPECT_EQ(compare_vectors({}, {}, 3).worst, 1);
  EXPECT_EQ(compare_vectors({}, {}, 3).mean, 1);
}

}  // namespace
}  // namespace embedtool
