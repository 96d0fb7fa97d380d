#include "core/base/human.hpp"

#include <gtest/gtest.h>

namespace embedtool {
namespace {

TEST(Human, CountsInGroups) {
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1000), "1 000");
  EXPECT_EQ(human_count(1234567), "1 234 567");
  EXPECT_EQ(human_count(0, "row"), "0 rows");
  EXPECT_EQ(human_count(1, "row"), "1 row");
  EXPECT_EQ(human_count(1000, "row"), "1 000 rows");
}

TEST(Human, SecondsInTheUnitThatReadsBest) {
  EXPECT_EQ(human_seconds(0), "0 s");
  EXPECT_EQ(human_seconds(-1), "0 s");
  EXPECT_EQ(human_seconds(12.34e-6), "12.3 µs");
  EXPECT_EQ(human_seconds(0.0999), "99.9 ms");
  EXPECT_EQ(human_seconds(1.5), "1.50 s");
  EXPECT_EQ(human_seconds(119.7), "120 s");
  EXPECT_EQ(human_seconds(250), "4 min 10 s");
  EXPECT_EQ(human_seconds(7260), "2 h 01 min");
}

TEST(Human, BytesRoundToThreeFiguresAtMost) {
  EXPECT_EQ(human_bytes(0), "0 bytes");
  EXPECT_EQ(human_bytes(999), "999 bytes");
  EXPECT_EQ(human_bytes(1000), "1.0 kB");
  EXPECT_EQ(human_bytes(87'000'000), "87 MB");
  EXPECT_EQ(human_bytes(999'900), "1.0 MB");
  EXPECT_EQ(human_bytes(2'271'000'000), "2.3 GB");
}

}  // namespace
}  // namespace embedtool
