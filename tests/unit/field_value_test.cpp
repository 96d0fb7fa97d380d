// Typed kept fields: what they are called, which texts are values, and the way there and back.
#include "formats/io/field_value.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>

namespace embedtool {
namespace {

/// The canonical text, or nothing where it is no value.
std::optional<std::string> canonical(FieldType type, std::string_view text) {
  std::string out;
  if (append_canonical(type, text, out)) return out;
  EXPECT_EQ(out, "");
  return std::nullopt;
}

TEST(FieldValue, AWordNamesAFieldAndItsType) {
  EXPECT_EQ(kept_field("n"), (KeptField{"n", FieldType::string}));
  EXPECT_EQ(kept_field("n:int64"), (KeptField{"n", FieldType::int64}));
  EXPECT_EQ(kept_field("a.b:double"), (KeptField{"a.b", FieldType::float64}));
  EXPECT_EQ(kept_field("dc:title"), (KeptField{"dc:title", FieldType::string}));
  EXPECT_EQ(kept_field("dc:title:bool"), (KeptField{"dc:title", FieldType::boolean}));
  EXPECT_EQ(kept_field(":bool"), (KeptField{":bool", FieldType::string}));
  for (const KeptField& field :
       {KeptField{"n"}, KeptField{"n:int64"}, KeptField{"n", FieldType::boolean},
        KeptField{"n:int64", FieldType::float64}, KeptField{"dc:title"}}) {
    EXPECT_EQ(kept_field(kept_word(field)), field) << kept_word(field);
  }
  EXPECT_EQ(kept_word({"dc:title"}), "dc:title");
}

TEST(FieldValue, OnlyValuesOfTheTypeAreTaken) {
  const auto whole = FieldType::int64;
  EXPECT_EQ(canonical(whole, "-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(canonical(whole, "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(canonical(whole, "9223372036854775808"), std::nullopt);
  EXPECT_EQ(canonical(whole, "007"), "7");
  EXPECT_EQ(canonical(whole, "3.0"), "3");
  EXPECT_EQ(canonical(whole, "-3e2"), "-300");
  EXPECT_EQ(canonical(whole, "-0.0"), "0");
  EXPECT_EQ(canonical(whole, "1e16"), std::nullopt);  // a double cannot tell it from its neighbours
  for (const char* text : {"3.5", "three", "", " 3", "3 ", "0x3", "nan", "inf", "true", "+3"}) {
    EXPECT_EQ(canonical(whole, text), std::nullopt) << text;
  }
  const auto real = FieldType::float64;
  EXPECT_EQ(canonical(real, "1.50"), "1.5");
  EXPECT_EQ(canonical(real, "3"), "3");
  EXPECT_EQ(canonical(real, "-0.0"), "-0");
  EXPECT_EQ(canonical(real, "1E5"), "100000");
  EXPECT_EQ(canonical(real, "NaN"), "nan");
  EXPECT_EQ(canonical(real, "-Infinity"), "-inf");
  for (const char* text : {"1e999", "1,5", "", "one", "true"}) {
    EXPECT_EQ(canonical(real, text), std::nullopt) << text;
  }
  for (const char* text : {"true", "True", "TRUE"}) {
    EXPECT_EQ(canonical(FieldType::boolean, text), "true");
  }
  for (const char* text : {"false", "False", "FALSE"}) {
    EXPECT_EQ(canonical(FieldType::boolean, text), "false");
  }
  for (const char* text : {"1", "0", "yes", "tRUE", ""}) {
    EXPECT_EQ(canonical(FieldType::boolean, text), std::nullopt) << text;
  }
}

TEST(FieldValue, NumbersComeBack) {
  for (const std::int64_t value : {std::int64_t{0}, std::numeric_limits<std::int64_t>::min(),
                                   std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(int64_of(canonical_text(value)), value);
  }
  for (const double value :
       {0.1, -1e-320, 1.7976931348623157e308, 1.0 / 3, std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(float64_of(canonical_text(value)), value);
  }
  EXPECT_TRUE(std::signbit(float64_of(canonical_text(-0.0))));
  EXPECT_TRUE(std::isnan(float64_of(canonical_text(std::nan("7")))));
}

TEST(FieldValue, JsonHasNumbersWhereItKnowsThem) {
  const auto json = [](FieldType type, std::string_view text) {
    std::string out;
    append_json_field(out, type, text);
    return out;
  };
  EXPECT_EQ(json(FieldType::string, "7"), "\"7\"");
  EXPECT_EQ(json(FieldType::int64, "7"), "7");
  EXPECT_EQ(json(FieldType::boolean, "true"), "true");
  EXPECT_EQ(json(FieldType::float64, "1e-07"), "1e-07");
  EXPECT_EQ(json(FieldType::float64, "nan"), "null");
  EXPECT_EQ(json(FieldType::float64, "-inf"), "null");
}

}  // namespace
}  // namespace embedtool
