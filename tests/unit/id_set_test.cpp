#include "formats/corpus/id_set.hpp"

#include <gtest/gtest.h>

#include <string>

namespace embedtool {
namespace {

TEST(IdSet, KnowsWhatItHasSeen) {
  IdSet ids(0);
  for (int i = 0; i < 10000; ++i) EXPECT_FALSE(ids.insert("id " + std::to_string(i))) << i;
  for (int i = 0; i < 10000; ++i) EXPECT_TRUE(ids.insert("id " + std::to_string(i))) << i;
  EXPECT_FALSE(ids.insert(""));
  EXPECT_TRUE(ids.insert(""));
  EXPECT_FALSE(ids.overflowed());
}

TEST(IdSet, KeepsNoMoreThanToldTo) {
  IdSet ids(10);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(ids.insert(std::to_string(i)));
  EXPECT_TRUE(ids.overflowed());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ids.insert(std::to_string(i)), i < 10);
}

}  // namespace
}  // namespace embedtool
