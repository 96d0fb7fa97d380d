#include "formats/hub/hub_name.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

using ::testing::HasSubstr;

TEST(HubNames, HaveAnOrganisationAndARevision) {
  EXPECT_EQ(parse_hub_name("BAAI/bge-m3"), (HubName{"BAAI/bge-m3", "main"}));
  EXPECT_EQ(parse_hub_name("bert-base-uncased"), (HubName{"bert-base-uncased", "main"}));
  EXPECT_EQ(parse_hub_name("a_/b.c@refs/pr/7"), (HubName{"a_/b.c", "refs/pr/7"}));
  EXPECT_EQ(parse_hub_name("o/n@v1.0"), (HubName{"o/n", "v1.0"}));
  EXPECT_EQ(to_string(HubName{"o/n", "main"}), "o/n");
  EXPECT_EQ(to_string(HubName{"o/n", "v1"}), "o/n@v1");
}

TEST(HubNames, ThatTheHubDoesNotAllowAreRefused) {
  const std::string long_name(97, 'a');
  for (const std::string& text :
       {std::string(), std::string("/"), std::string("o/"), std::string("/n"), std::string("o/n/m"),
        std::string("./model"), std::string("../model"), std::string("o/.."), std::string("o/a--b"),
        std::string("o/a..b"), std::string("o/n.git"), std::string("o/-n"), std::string("o/n."),
        std::string("o/n m"), std::string("o/n\0m", 5), std::string("o/n\xc3\xa9"), long_name}) {
    EXPECT_FALSE(find_hub_name(text)) << text;
    EXPECT_THROW(parse_hub_name(text), Error) << text;
  }
  EXPECT_TRUE(find_hub_name(long_name.substr(1)));
}

TEST(HubNames, RevisionsAreThoseOfGit) {
  for (const char* revision :
       {"",    "..", "a/../b", "/a",  "a/", "a//b", ".a",   "a/.b",  "a.lock", "a b",
        "a~1", "a^", "a:b",    "a?b", "a*", "a[b",  "a\\b", "a%2fb", "-a",     "a."}) {
    EXPECT_FALSE(find_hub_name(std::string("o/n@") + revision)) << revision;
  }
  try {
    parse_hub_name("o/n@a/../b");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("'o/n@a/../b'"));
  }
}

TEST(HubNames, CommitsAreFortyDigits) {
  EXPECT_TRUE(is_commit("0123456789abcdef0123456789abcdef01234567"));
  EXPECT_FALSE(is_commit("0123456789abcdef0123456789abcdef0123456"));
  EXPECT_FALSE(is_commit("0123456789ABCDEF0123456789abcdef01234567"));
}

TEST(HubNames, CacheFoldersAreReadBack) {
  for (const char* repo : {"org/name", "name", "o-r/n-a"}) {
    EXPECT_EQ(repo_of_cache_folder(cache_folder_of(repo)), repo);
  }
  EXPECT_EQ(cache_folder_of("org/name"), "models--org--name");
  EXPECT_FALSE(repo_of_cache_folder("datasets--org--name"));
  EXPECT_FALSE(repo_of_cache_folder("models--org--name--more"));
  EXPECT_FALSE(repo_of_cache_folder("models--"));
}

}  // namespace
}  // namespace embedtool
