#include "formats/hub/hub_listing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.hpp"
#include "formats/hub/content_check.hpp"
#include "formats/io/unique_fd.hpp"
#include "tests/support/temp_folder.hpp"

#include <fcntl.h>

namespace embedtool {
namespace {

using ::testing::HasSubstr;

const std::string kSha1 = "0123456789abcdef0123456789abcdef01234567";

std::vector<HubFile> listing(const std::string& json) {
  std::vector<HubFile> files;
  parse_listing(json, "hub", files);
  check_listing(files, "hub");
  return files;
}

std::string refusal(const std::string& json) {
  try {
    listing(json);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    return error.what();
  }
  return "";
}

std::string file(const std::string& path, const std::string& size = "1") {
  return R"({"type": "file", "path": ")" + path + R"(", "size": )" + size + R"(, "oid": ")" +
         kSha1 + "\"}";
}

TEST(HubListing, TakesSizeAndHashOfWhatLfsKeeps) {
  const std::string sha256(64, 'a');
  const auto files =
      listing(R"([{"type": "directory", "path": "1_Pooling"}, )" + file("config.json", "7") +
              R"(, {"type": "file", "path": "a.bin", "size": 130, "oid": ")" + kSha1 +
              R"(", "lfs": {"oid": ")" + sha256 + R"(", "size": 9000}}])");
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].path, "a.bin");
  EXPECT_EQ(files[0].bytes, 9000U);
  EXPECT_EQ(files[0].hash, sha256);
  EXPECT_EQ(files[1].bytes, 7U);
  EXPECT_EQ(files[1].hash, kSha1);
}

TEST(HubListing, RefusesWhatCannotBeStored) {
  for (const char* path :
       {"", "/x", "../x", "a/../b", "a/..", "./a", "a//b", "a/", "a\\\\b", "a\\u0000b", "a\\nb"}) {
    EXPECT_THAT(refusal("[" + file(path) + "]"), HasSubstr("which is refused")) << path;
  }
  EXPECT_THAT(refusal("[" + file(std::string(201, 'a')) + "]"), HasSubstr("which is refused"));
  for (const char* size : {"-1", "1.5", "\"1\"", "null", "1e30", "18446744073709551615"}) {
    EXPECT_THAT(refusal("[" + file("x", size) + "]"), HasSubstr("no size or no hash")) << size;
  }
  EXPECT_THAT(refusal("[" + file("a") + "," + file("a") + "]"), HasSubstr("twice"));
  EXPECT_THAT(refusal("[" + file("a/b/c") + "," + file("a") + "]"), HasSubstr("twice"));
  EXPECT_THAT(refusal("{}"), HasSubstr("no list"));
  EXPECT_THAT(refusal("[1]"), HasSubstr("no list"));
  EXPECT_THAT(refusal("[" + std::string(100, '[')), HasSubstr("hub"));
}

TEST(HubListing, RevisionIsACommit) {
  EXPECT_EQ(parse_revision(R"({"sha": ")" + kSha1 + "\"}", "hub"), kSha1);
  for (const char* text : {"{}", "[]", R"({"sha": 7})", R"({"sha": "../../x"})", "no json"}) {
    EXPECT_THROW(parse_revision(text, "hub"), Error) << text;
  }
}

TEST(ContentNames, AreGitsAndSha256) {
  const testing::TempFolder folder;
  const std::string path = folder.write("file", "hello\n");
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  // As of git hash-object and sha256sum.
  EXPECT_EQ(content_name(fd.get(), 6, kSha1, path), "ce013625030ba8dba906f756967f9e9ca394464a");
  EXPECT_EQ(content_name(fd.get(), 6, std::string(64, '0'), path),
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
}

}  // namespace
}  // namespace embedtool
