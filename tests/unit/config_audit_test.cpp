// Keys of a configuration that nobody reads: harmless, refused or unknown.
#include "core/config_audit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "core/base/error.hpp"
#include "formats/io/json_document.hpp"

namespace embedtool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kRules = std::to_array<KeyRule>({
    {"dropout", "*", ""},
    {"sliding", "false|0", "use a model without it"},
    {"args.safe", "*", ""},
    {"args.*", "", "arguments are not passed on"},
    {"initializer_*", "*", ""},
});

std::vector<std::string> unknown_in(const char* json, const char* read = nullptr) {
  const JsonConfig config = JsonConfig::parse(json, "x/config.json");
  const AuditedConfig audited(config);
  if (read != nullptr) audited.has(read);
  return audited.check_unread(kRules, config.where());
}

std::string refusal_of(const char* json) {
  try {
    unknown_in(json);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::model);
    return error.what();
  }
  return "";
}

TEST(ConfigAudit, AcceptsWhatIsReadHarmlessOrNull) {
  EXPECT_THAT(unknown_in(R"({"hidden": 3, "dropout": 0.1, "initializer_range": 0.02,
                             "sliding": false, "odd": null})",
                         "hidden"),
              IsEmpty());
  EXPECT_THAT(unknown_in(R"({"sliding": 0})"), IsEmpty());
}

TEST(ConfigAudit, ReportsWhatNobodyKnows) {
  EXPECT_THAT(unknown_in(R"({"b": 1, "a": {"c": 2}})"), ElementsAre("a", "b"));
  EXPECT_THAT(unknown_in(R"({"a": {"c": 2, "d": 3}})", "a.c"), ElementsAre("a.d"));
  EXPECT_EQ(unknown_keys_note({}, "x"), "");
  EXPECT_THAT(unknown_keys_note({"a", "b"}, "x"), HasSubstr("a, b"));
}

TEST(ConfigAudit, RefusesByNameWithTheRemedy) {
  const std::string message = refusal_of(R"({"sliding": true})");
  EXPECT_THAT(message, HasSubstr("x/config.json"));
  EXPECT_THAT(message, HasSubstr("\"sliding\": true"));
  EXPECT_THAT(message, HasSubstr("use a model without it"));
}

TEST(ConfigAudit, LooksIntoObjectsThatRulesName) {
  EXPECT_EQ(refusal_of(R"({"args": {"safe": 1}})"), "");
  EXPECT_THAT(refusal_of(R"({"args": {"safe": 1, "lower": true}})"), HasSubstr("args.lower"));
}

}  // namespace
}  // namespace embedtool
