#include "formats/rejects.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "core/base/error.hpp"
#include "tests/support/corpus_testing.hpp"

namespace embedtool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::read_file;
using testing::TempFolder;

std::vector<nlohmann::json> parse_lines(const std::string& path) {
  std::vector<nlohmann::json> lines;
  std::istringstream in(read_file(path));
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(RejectLog, WritesOneValidJsonObjectALine) {
  const TempFolder folder;
  const std::string path = folder.path("rejects.jsonl");
  RejectLog log({OnError::skip, path, {"a.jsonl", "b \"q\".csv"}, 8, 1});
  EXPECT_FALSE(std::filesystem::exists(path));  // a clean run leaves no file
  log.add({0, 7, "id-1", "too\nbad", "\xff\\\"\x01 tail that is cut"});
  log.add({1, 9, "", "why", ""});
  log.add({5, 1, "\xff", "r", "e\xcc\x81\n"});
  const auto lines = parse_lines(path);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0]["file"], "a.jsonl");
  EXPECT_EQ(lines[0]["line"], 7);
  EXPECT_EQ(lines[0]["id"], "id-1");
  EXPECT_EQ(lines[0]["reason"], "too\nbad");
  EXPECT_EQ(lines[0]["bytes"], "\\xff\\\\\"\x01 tai");
  EXPECT_EQ(lines[1]["file"], "b \"q\".csv");
  EXPECT_TRUE(lines[1]["id"].is_null());
  EXPECT_EQ(lines[2]["id"], "\\xff");
  EXPECT_EQ(lines[2]["bytes"], "e\xcc\x81\n");
  EXPECT_EQ(log.count(), 3U);
  EXPECT_THAT(log.examples(), ElementsAre("a.jsonl:7: too\nbad"));
  log.sync();
}

TEST(RejectLog, FailsAtTheFirstUnderThatPolicy) {
  const TempFolder folder;
  const std::string path = folder.path("rejects.jsonl");
  RejectLog log({OnError::fail, path, {"a.jsonl"}, 256, 5});
  try {
    log.add({0, 12, "x", "invalid UTF-8", "bytes"});
    FAIL() << "a reject went through";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_record);
    EXPECT_THAT(error.what(), HasSubstr("a.jsonl:12: invalid UTF-8"));
    EXPECT_THAT(error.what(), HasSubstr("--on-error skip"));
  }
  EXPECT_EQ(log.count(), 1U);
}

TEST(RejectLog, CountsWithoutAFile) {
  RejectLog log({OnError::skip, "", {"a"}, 256, 2});
  for (std::uint64_t i = 1; i <= 4; ++i) log.add({0, i, "", "bad", ""});
  EXPECT_EQ(log.count(), 4U);
  EXPECT_THAT(log.examples(), ElementsAre("a:1: bad", "a:2: bad"));
}

TEST(RejectLog, ReplacesAnOldFileAndFollowsNoLink) {
  const TempFolder folder;
  const std::string old = folder.write("rejects.jsonl", "old\n");
  RejectLog log({OnError::skip, old, {"a"}, 256, 0});
  log.add({0, 1, "", "bad", ""});
  EXPECT_EQ(parse_lines(old).size(), 1U);
  const std::string target = folder.write("precious", "data");
  std::filesystem::create_symlink(target, folder.path("link"));
  RejectLog linked({OnError::skip, folder.path("link"), {"a"}, 256, 0});
  EXPECT_THROW(linked.add({0, 1, "", "bad", ""}), Error);
  EXPECT_EQ(read_file(target), "data");
}

TEST(RejectLog, ReportsAFullDisk) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  RejectLog log({OnError::skip, "/dev/full", {"a"}, 256, 0});
  try {
    log.add({0, 1, "", "bad", ""});
    FAIL() << "a write to a full disk went through";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(), HasSubstr("/dev/full"));
  }
}

TEST(RejectLog, TakesRejectsFromManyThreads) {
  const TempFolder folder;
  const std::string path = folder.path("rejects.jsonl");
  RejectLog log({OnError::skip, path, {"a"}, 256, 0});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&log] {
      for (std::uint64_t i = 0; i < 200; ++i) log.add({0, i, "id", "reason", "some bytes"});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(log.count(), 800U);
  EXPECT_EQ(parse_lines(path).size(), 800U);
}

}  // namespace
}  // namespace embedtool
