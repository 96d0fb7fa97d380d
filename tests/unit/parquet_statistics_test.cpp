#include "formats/parquet/parquet_statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "formats/io/bytes_utf8.hpp"
#include "formats/parquet/thrift_compact.hpp"

namespace embedtool::parquet {
namespace {

ValueRange range_of(std::initializer_list<std::string_view> values) {
  ValueRange range;
  for (const std::string_view value : values) range.add(value);
  return range;
}

TEST(ValueRange, BoundsStringsByTheirBytes) {
  const Statistics found = range_of({"b", "", "a", "\xC3\xA9", "z"}).statistics();
  ASSERT_TRUE(found.bounds);
  EXPECT_EQ(found.bounds->least, "");
  EXPECT_EQ(found.bounds->most, "\xC3\xA9");
  EXPECT_TRUE(found.bounds->least_is_value && found.bounds->most_is_value);
}

TEST(ValueRange, BoundsNumbersByTheirValue) {
  ValueRange range;
  for (const int value : {3, -2, 1}) range.add(std::int32_t{value});
  const Statistics found = range.statistics();
  ASSERT_TRUE(found.bounds);
  EXPECT_EQ(found.bounds->least, std::string("\xFE\xFF\xFF\xFF"));
  EXPECT_EQ(found.bounds->most, std::string("\x03\x00\x00\x00", 4));
  ValueRange flags;
  flags.add(true);
  EXPECT_EQ(flags.statistics().bounds->least, std::string("\x01"));
}

TEST(ValueRange, BoundsWideNumbers) {
  ValueRange range;
  for (const std::int64_t value : {std::int64_t{5}, std::int64_t{-1} << 40, std::int64_t{7}}) {
    range.add(value);
  }
  const Statistics found = range.statistics();
  ASSERT_TRUE(found.bounds);
  EXPECT_EQ(found.bounds->least, std::string("\0\0\0\0\0\xFF\xFF\xFF", 8));
  EXPECT_EQ(found.bounds->most, std::string("\7\0\0\0\0\0\0\0", 8));
}

TEST(ValueRange, BoundsDoubles) {
  const auto bounds = [](std::initializer_list<double> values) {
    ValueRange range;
    for (const double value : values) range.add(value);
    return range.statistics().bounds;
  };
  const auto number = [](const std::string& bytes) {
    double value = 0;
    EXPECT_EQ(bytes.size(), sizeof value);
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  };
  const double infinity = std::numeric_limits<double>::infinity();
  const auto found = bounds({-1.5, 2, -infinity, 0.25, 1e300, -1e-300});
  ASSERT_TRUE(found);
  EXPECT_EQ(number(found->least), -infinity);
  EXPECT_EQ(number(found->most), 1e300);
  // A zero bounds both zeros; a NaN is above and below nothing.
  const auto zeros = bounds({0.0});
  ASSERT_TRUE(zeros);
  EXPECT_TRUE(std::signbit(number(zeros->least)));
  EXPECT_FALSE(std::signbit(number(bounds({-0.0})->most)));
  EXPECT_FALSE(bounds({1, std::nan(""), 2}));
  ValueRange page;
  page.add(std::nan(""));
  PageIndex index;
  index.add(1, 10, page);
  EXPECT_TRUE(index.column_index().empty());  // it is no page of nulls
}

// Long strings are cut between characters, and the upper bound is above every string that begins
// so.
TEST(ValueRange, CutsLongStrings) {
  for (const std::string character :
       {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xED\x9F\xBF", "\xF0\x9F\x98\x80"}) {
    std::string text;
    while (text.size() < 200) text += character;
    for (const std::string shift : {"", "x", "xy", "xyz"}) {
      const std::string value = shift + text;
      const Statistics found = range_of({value}).statistics();
      ASSERT_TRUE(found.bounds);
      const Statistics::Bounds& bounds = *found.bounds;
      EXPECT_FALSE(bounds.least_is_value || bounds.most_is_value);
      EXPECT_LE(bounds.least.size(), 64U);
      EXPECT_LE(bounds.most.size(), 64U);
      EXPECT_LT(bounds.least, value);
      EXPECT_GT(bounds.most, value);
      EXPECT_TRUE(is_utf8(bounds.least) && is_utf8(bounds.most)) << character;
    }
  }
}

TEST(ValueRange, HasNoUpperBoundWhereNoneIs) {
  std::string text;
  while (text.size() < 200) text += "\xF4\x8F\xBF\xBF";  // the last character there is
  EXPECT_FALSE(range_of({text}).statistics().bounds);
  EXPECT_EQ(range_of({"a" + text}).statistics().bounds->most, "b");
}

TEST(ValueRange, MergesAsIfItHadSeenBoth) {
  const std::string longer(100, 'm');
  const std::string prefix = longer.substr(0, 64);
  for (const auto& [a, b] : {std::pair{range_of({prefix}), range_of({longer})},
                             std::pair{range_of({longer}), range_of({prefix})}}) {
    ValueRange both = a;
    both.merge(b);
    EXPECT_LE(both.statistics().bounds->least, prefix);
    EXPECT_GT(both.statistics().bounds->most, longer);
  }
  ValueRange nulls;
  nulls.add_null();
  nulls.merge(range_of({"x"}));
  nulls.add_null();
  EXPECT_EQ(nulls.statistics().null_count, 2);
  EXPECT_EQ(nulls.statistics().bounds->most, "x");
  EXPECT_FALSE(ValueRange().statistics().bounds);
}

/// Skips to a field of a struct that has been entered.
ThriftReader::Field field(ThriftReader& in, std::int16_t id) {
  for (;;) {
    const ThriftReader::Field next = in.next_field();
    if (next.id == id || next.type == ThriftType::stop) return next;
    in.skip(next.type);
  }
}

TEST(PageIndex, SaysWhereRowsAre) {
  PageIndex index;
  index.add(10, 100, range_of({"a"}));
  index.add(20, 50, range_of({"b"}));
  const auto bytes = index.offset_index(4);
  ThriftReader in(bytes);
  in.begin_struct();
  const auto list = in.list(field(in, 1), ThriftType::structure);
  ASSERT_EQ(list.size, 2U);
  for (const auto& [offset, size, row] : {std::tuple{4, 100, 0}, std::tuple{104, 50, 10}}) {
    in.begin_struct();
    EXPECT_EQ(in.i64(field(in, 1)), offset);
    EXPECT_EQ(in.i32(field(in, 2)), size);
    EXPECT_EQ(in.i64(field(in, 3)), row);
    EXPECT_EQ(in.next_field().type, ThriftType::stop);
  }
}

std::int32_t order_of(std::initializer_list<ValueRange> pages) {
  PageIndex index;
  for (const ValueRange& page : pages) index.add(1, 1, page);
  const auto bytes = index.column_index();
  ThriftReader in(bytes);
  in.begin_struct();
  return in.i32(field(in, 4));
}

TEST(PageIndex, KnowsTheOrderOfPages) {
  const ValueRange none;
  EXPECT_EQ(order_of({range_of({"a"}), none, range_of({"b", "c"})}), 1);
  EXPECT_EQ(order_of({range_of({"b"}), range_of({"a"})}), 2);
  EXPECT_EQ(order_of({range_of({"a", "z"}), range_of({"b"})}), 0);
}

TEST(PageIndex, IsLeftOutWhereAPageHasNoBounds) {
  PageIndex index;
  std::string text;
  while (text.size() < 200) text += "\xF4\x8F\xBF\xBF";
  index.add(1, 1, range_of({text}));
  EXPECT_TRUE(index.column_index().empty());
}

}  // namespace
}  // namespace embedtool::parquet
