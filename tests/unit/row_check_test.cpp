#include "core/math/row_check.hpp"

#include <gtest/gtest.h>

namespace embedtool {
namespace {

constexpr std::size_t kRows = 6;
constexpr std::size_t kIn = 40;
constexpr std::size_t kOut = 3;

/// Sums products in the order of the inputs, or from the last one on.
float dot(const float* x, const float* w, bool backwards) {
  float sum = 0.0F;
  for (std::size_t i = 0; i < kIn; ++i) {
    const std::size_t k = backwards ? kIn - 1 - i : i;
    sum += x[k] * w[k];
  }
  return sum;
}

/// A product whose rows from `first_backwards` on are summed in the other order.
RowCheck product(std::size_t first_backwards) {
  return {kRows, kIn, kOut, [=](const float* x, const float* weight, float* y) {
            for (std::size_t r = 0; r < kRows; ++r) {
              for (std::size_t o = 0; o < kOut; ++o) {
                y[r * kOut + o] = dot(x + r * kIn, weight + o * kIn, r >= first_backwards);
              }
            }
          }};
}

TEST(RowCheck, TakesAProductThatSumsAllRowsInOneOrder) {
  EXPECT_TRUE(rows_are_independent(product(kRows)));
  EXPECT_TRUE(rows_are_independent(product(0)));
}

TEST(RowCheck, RefusesAProductThatSumsOneRowInAnotherOrder) {
  EXPECT_FALSE(rows_are_independent(product(kRows - 1)));
}

}  // namespace
}  // namespace embedtool
