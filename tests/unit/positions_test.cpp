#include "core/model/positions.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace embedtool {
namespace {

TEST(RelativeBucket, CountsNearDistancesAndGroupsFarOnes) {
  const auto bucket = [](std::ptrdiff_t distance) { return relative_bucket(distance, 32, 128); };
  EXPECT_EQ(bucket(0), 0U);
  EXPECT_EQ(bucket(-7), 7U);
  EXPECT_EQ(bucket(7), 23U);
  EXPECT_EQ(bucket(-8), 8U);
  // 8 + 8 ln(16/8) / ln(128/8) = 10, exactly at the edge.
  EXPECT_EQ(bucket(-15), 9U);
  EXPECT_EQ(bucket(-16), 10U);
  EXPECT_EQ(bucket(-127), 15U);
  EXPECT_EQ(bucket(-128), 15U);
  EXPECT_EQ(bucket(5000), 31U);
}

TEST(AlibiSlopes, AreGeometricAndFilledUpFromTheNextPower) {
  EXPECT_EQ(alibi_slopes(8)[0], 0.5);
  EXPECT_EQ(alibi_slopes(8)[7], std::exp2(-8));
  const std::vector<double> twelve = alibi_slopes(12);
  ASSERT_EQ(twelve.size(), 12U);
  EXPECT_EQ(twelve[7], std::exp2(-8));
  EXPECT_EQ(twelve[8], std::exp2(-0.5));
  EXPECT_EQ(twelve[11], std::exp2(-3.5));
}

}  // namespace
}  // namespace embedtool
