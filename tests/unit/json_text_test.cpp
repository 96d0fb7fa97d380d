#include "formats/io/json_text.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>

namespace embedtool {
namespace {

std::string json_of(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string number(float value) {
  std::string out;
  append_json_number(out, value);
  return out;
}

TEST(JsonText, EscapesWhatMustBeEscapedAndNothingElse) {
  EXPECT_EQ(json_of(""), R"("")");
  EXPECT_EQ(json_of("a/b 'c'"), R"("a/b 'c'")");
  EXPECT_EQ(json_of("\"\\"), R"("\"\\")");
  EXPECT_EQ(json_of("\n\t\r\b\f\x1b"), R"("\n\t\r\u0008\u000c\u001b")");
  EXPECT_EQ(json_of(std::string_view("\0", 1)), R"("\u0000")");
  EXPECT_EQ(json_of("\x7f é 😀"), "\"\x7f é 😀\"");
}

TEST(JsonText, EveryCharacterReadsBack) {
  std::string all;
  for (int c = 0; c < 0x80; ++c) all += static_cast<char>(c);
  all += "\u0080\u2028\ufeff\U0010ffff";
  EXPECT_EQ(nlohmann::json::parse(json_of(all)).get<std::string>(), all);
}

TEST(JsonText, NumbersReadBackAsTheSameFloat) {
  for (const float value : {0.0F, 0.1F, -1.5e-42F, 3.4028235e38F, 16777216.0F}) {
    EXPECT_EQ(nlohmann::json::parse(number(value)).get<float>(), value);
  }
  EXPECT_EQ(number(-0.0F), "-0.0");
  EXPECT_EQ(number(std::nanf("")), "null");
  EXPECT_EQ(number(-std::numeric_limits<float>::infinity()), "null");
}

TEST(JsonText, Integers) {
  std::string out;
  append_json_integer(out, std::numeric_limits<std::int64_t>::min());
  append_json_integer(out, 7);
  EXPECT_EQ(out, "-92233720368547758087");
}

}  // namespace
}  // namespace embedtool
