#include "formats/io/json_document.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::model);
    return error.what();
  }
  return "";
}

TEST(ParseJson, SaysWhereItStops) {
  EXPECT_THAT(error_of([] { parse_json("{\"a\": 1,}", "c.json"); }),
              HasSubstr("c.json: not valid JSON at byte 9"));
  EXPECT_THAT(error_of([] { parse_json("", "c.json"); }), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of([] { parse_json("{} {}", "c.json"); }), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of([] { parse_json("{\"a\": \"\xff\"}", "c.json"); }),
              HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of([] { parse_json("1e999", "c.json"); }), HasSubstr("not usable as JSON"));
}

TEST(ParseJson, BoundsDepthAndSize) {
  const JsonLimits limits{.bytes = 100, .depth = 3, .unique_keys = false};
  EXPECT_EQ(parse_json("[[[1]]]", "x", limits).size(), 1U);
  EXPECT_THAT(error_of([&] { parse_json("[[[[1]]]]", "x", limits); }),
              HasSubstr("nested deeper than 3"));
  EXPECT_THAT(error_of([&] { parse_json("[[{\"a\":{}}]]", "x", limits); }),
              HasSubstr("nested deeper than 3"));
  EXPECT_THAT(error_of([&] { parse_json(std::string(101, ' '), "x", limits); }),
              HasSubstr("101 bytes"));
  // A million levels must end in an error, not in a stack overflow.
  EXPECT_THAT(error_of([] { parse_json(std::string(1 << 20, '['), "x"); }),
              HasSubstr("nested deeper"));
}

TEST(ParseJson, ForbidsRepeatedKeysOnDemand) {
  EXPECT_EQ(parse_json(R"({"a":1,"a":2})", "x").at("a"), 2);
  const JsonLimits strict{.unique_keys = true};
  EXPECT_THAT(error_of([&] { parse_json(R"({"a":1,"a":2})", "x", strict); }),
              HasSubstr("'a' appears twice"));
  // the same name in different objects is no repetition
  EXPECT_EQ(parse_json(R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})", "x", strict).size(), 2U);
}

JsonConfig config() {
  return JsonConfig::parse(
      R"({"int": 12, "neg": -3, "whole": 512.0, "half": 0.5, "huge": 1e30,
          "long": 1000000000000000019884624838656, "u64": 18446744073709551615,
          "yes": true, "text": "gelu", "none": null, "list": ["a", "b"], "mixed": ["a", 1],
          "rope": {"theta": 10000, "inner": {"x": "deep"}}, "a.b": "dotted"})",
      "config.json");
}

TEST(JsonConfig, LooksUpTypedMembers) {
  const JsonConfig c = config();
  EXPECT_EQ(c.integer("int"), 12);
  EXPECT_EQ(c.integer("neg"), -3);
  EXPECT_EQ(c.integer("whole"), 512);
  EXPECT_EQ(c.number("half"), 0.5);
  EXPECT_EQ(c.number("int"), 12.0);
  EXPECT_EQ(c.number("long"), 1e30);
  EXPECT_EQ(c.boolean("yes"), true);
  EXPECT_EQ(c.string("text"), "gelu");
  EXPECT_THAT(*c.strings("list"), ElementsAre("a", "b"));
  EXPECT_THAT(*c.strings("text"), ElementsAre("gelu"));
}

TEST(JsonConfig, NullAndAbsentAreTheSame) {
  const JsonConfig c = config();
  for (const char* key : {"none", "absent", "rope.absent", "text.x", "absent.x"}) {
    EXPECT_FALSE(c.has(key)) << key;
    EXPECT_EQ(c.integer(key), std::nullopt) << key;
    EXPECT_EQ(c.string(key), std::nullopt) << key;
  }
}

TEST(JsonConfig, FollowsPaths) {
  const JsonConfig c = config();
  EXPECT_EQ(c.integer("rope.theta"), 10000);
  EXPECT_EQ(c.string("rope.inner.x"), "deep");
  EXPECT_EQ(c.string("a.b"), "dotted");
}

TEST(JsonConfig, NamesMembersOfTheWrongType) {
  const JsonConfig c = config();
  EXPECT_THAT(error_of([&] { c.integer("half"); }), HasSubstr("config.json: 'half' should be an"));
  EXPECT_THAT(error_of([&] { c.integer("huge"); }), HasSubstr("'huge'"));
  EXPECT_THAT(error_of([&] { c.integer("long"); }), HasSubstr("'long'"));
  EXPECT_THAT(error_of([&] { c.integer("u64"); }), HasSubstr("'u64'"));
  EXPECT_THAT(error_of([&] { c.integer("text"); }), HasSubstr("but is \"gelu\""));
  EXPECT_THAT(error_of([&] { c.number("yes"); }), HasSubstr("a number"));
  EXPECT_THAT(error_of([&] { c.boolean("int"); }), HasSubstr("true or false"));
  EXPECT_THAT(error_of([&] { c.string("int"); }), HasSubstr("a string"));
  EXPECT_THAT(error_of([&] { c.strings("mixed"); }), HasSubstr("a list of strings"));
  EXPECT_THAT(error_of([] { JsonConfig::parse("[]", "c.json"); }), HasSubstr("a JSON object"));
}

}  // namespace
}  // namespace embedtool
