#include "formats/columns/column_type.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>

namespace embedtool {
namespace {

template <typename T>
std::string raw(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

std::string shown(const ColumnType& type, const std::string& bytes) {
  std::string out;
  append_shown(out, type, bytes);
  return out;
}

ColumnType of(ColumnKind kind, unsigned fraction = 0) {
  ColumnType type;
  type.kind = kind;
  type.fraction = fraction;
  return type;
}

// As json.dumps of Python writes them.
TEST(ColumnType, FloatsKeepAPointOrAnExponent) {
  const auto f64 = [](double v) { return shown(of(ColumnKind::float64), raw(v)); };
  EXPECT_EQ(f64(3.0), "3.0");
  EXPECT_EQ(f64(-0.0), "-0.0");
  EXPECT_EQ(f64(0.1), "0.1");
  EXPECT_EQ(f64(1e15), "1000000000000000.0");
  EXPECT_EQ(f64(1e16), "1e+16");
  EXPECT_EQ(f64(1.5e-5), "1.5e-05");
  EXPECT_EQ(f64(0.0001), "0.0001");
  EXPECT_EQ(f64(std::numeric_limits<double>::infinity()), "Infinity");
  EXPECT_EQ(f64(std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(shown(of(ColumnKind::float32), raw(0.1F)), "0.1");
  EXPECT_EQ(shown(of(ColumnKind::float16), raw(std::uint16_t{0x3555})), "0.33325195");
}

TEST(ColumnType, TimesAreIso8601) {
  EXPECT_EQ(shown(of(ColumnKind::date), raw(std::int32_t{0})), "1970-01-01");
  EXPECT_EQ(shown(of(ColumnKind::date), raw(std::int32_t{-1})), "1969-12-31");
  EXPECT_EQ(shown(of(ColumnKind::date), raw(std::int32_t{19782})), "2024-02-29");
  EXPECT_EQ(shown(of(ColumnKind::date, 3), raw(std::int64_t{19782} * 86400000)), "2024-02-29");
  EXPECT_EQ(shown(of(ColumnKind::timestamp, 3), raw(std::int64_t{-1})), "1969-12-31T23:59:59.999");
  EXPECT_EQ(shown(of(ColumnKind::timestamp, 9), raw(std::int64_t{1'000'000})),
            "1970-01-01T00:00:00.001");
  ColumnType utc = of(ColumnKind::timestamp, 6);
  utc.utc = true;
  EXPECT_EQ(shown(utc, raw(std::int64_t{1'500'000})), "1970-01-01T00:00:01.500Z");
  EXPECT_EQ(shown(of(ColumnKind::time, 6), raw(std::int64_t{3723000004})), "01:02:03.000004");
  EXPECT_EQ(shown(of(ColumnKind::duration, 3), raw(std::int64_t{-1500})), "-PT1.500S");
  // Julian day 2440589 is 1970-01-02.
  EXPECT_EQ(shown(of(ColumnKind::int96), raw(std::int64_t{1'000'000'000}) + raw(2440589)),
            "1970-01-02T00:00:01");
  // The extremes of an int64 are dates far away, not overflows.
  EXPECT_NE(shown(of(ColumnKind::timestamp, 0), raw(INT64_MIN)), "");
  EXPECT_NE(shown(of(ColumnKind::duration, 9), raw(INT64_MIN)), "");
}

TEST(ColumnType, DecimalsAreExact) {
  ColumnType type = of(ColumnKind::decimal);
  type.scale = 2;
  EXPECT_EQ(shown(type, raw(std::int32_t{-12345})), "-123.45");
  EXPECT_EQ(shown(type, raw(std::int32_t{5})), "0.05");
  EXPECT_EQ(shown(type, raw(std::int32_t{0})), "0.00");
  EXPECT_EQ(shown(type, raw(INT64_MIN)), "-92233720368547758.08");
  type.scale = -2;
  EXPECT_EQ(shown(type, raw(std::int32_t{12})), "1200");
  type.scale = 0;
  type.big_endian = true;
  EXPECT_EQ(shown(type, std::string("\x01\x00", 2)), "256");
  EXPECT_EQ(shown(type, std::string("\x80") + std::string(15, '\0')),
            "-170141183460469231731687303715884105728");
}

TEST(ColumnType, JsonQuotesWhatIsNotBare) {
  std::string out;
  append_json(out, of(ColumnKind::string), "a\"b");
  append_json(out, of(ColumnKind::date), raw(std::int32_t{0}));
  append_json(out, of(ColumnKind::boolean), std::string("\1"));
  append_json(out, of(ColumnKind::uuid),
              std::string("\0\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16));
  EXPECT_EQ(out, "\"a\\\"b\"\"1970-01-01\"true\"00112233-4455-6677-8899-aabbccddeeff\"");
}

TEST(ColumnType, IntegersOfEverySize) {
  ColumnType type = of(ColumnKind::integer);
  EXPECT_EQ(shown(type, raw(std::int8_t{-1})), "-1");
  EXPECT_EQ(shown(type, raw(INT64_MIN)), "-9223372036854775808");
  EXPECT_EQ(number_of(type, raw(std::int16_t{-2})), -2.0);
  type.is_signed = false;
  EXPECT_EQ(shown(type, raw(UINT64_MAX)), "18446744073709551615");
  EXPECT_EQ(number_of(type, raw(std::uint8_t{255})), 255.0);
}

}  // namespace
}  // namespace embedtool
