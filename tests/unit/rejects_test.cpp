#include "formats/output/rejects.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "core/base/error.hpp"
#include "tests/support/corpus_testing.hpp"

namespace embedtool {
namespace {

std::string name_of_file(std::uint32_t file) {
  return file == 0 ? "a" : "<unknown>";
}

using ::testing::AllOf;
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
  const std::string path = folder / "rejects.jsonl";
  RejectLog log({OnError::skip, path,
                 [](std::uint32_t file) { return file == 0 ? "a.jsonl" : "b \"q\".csv"; }, 8, 1});
  EXPECT_FALSE(std::filesystem::exists(path));  // a clean run leaves no file
  log.add({0, 7, "id-1", "too\nbad", "\xff\\\"\x01 tail that is cut"});
  log.add({1, 9, "", "why", ""});
  log.add({5, 1, "\xff", "r", "e\xcc\x81\n"});
  log.finish(4);
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
}

TEST(RejectLog, FailsAtTheFirstUnderThatPolicy) {
  const TempFolder folder;
  const std::string path = folder / "rejects.jsonl";
  RejectLog log({OnError::fail, path, [](std::uint32_t /*file*/) { return "a.jsonl"; }, 256, 5});
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
  RejectLog log({OnError::skip, "", name_of_file, 256, 2});
  for (std::uint64_t i = 1; i <= 4; ++i) log.add({0, i, "", "bad", ""});
  EXPECT_EQ(log.count(), 4U);
  EXPECT_THAT(log.examples(), ElementsAre("a:1: bad", "a:2: bad"));
}

TEST(RejectLog, ReplacesAnOldFileAndFollowsNoLink) {
  const TempFolder folder;
  const std::string old = folder.write("rejects.jsonl", "old\n");
  RejectLog log({OnError::skip, old, name_of_file, 256, 0});
  log.add({0, 1, "", "bad", ""});
  log.settle(1);
  EXPECT_EQ(parse_lines(old).size(), 1U);
  const std::string target = folder.write("precious", "data");
  std::filesystem::create_symlink(target, folder / "link");
  RejectLog linked({OnError::skip, folder / "link", name_of_file, 256, 0});
  linked.add({0, 1, "", "bad", ""});
  EXPECT_THROW(linked.settle(1), Error);
  EXPECT_EQ(read_file(target), "data");
}

TEST(RejectLog, ReportsAFullDisk) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  RejectLog log({OnError::skip, "/dev/full", name_of_file, 256, 0});
  try {
    log.add({0, 1, "", "bad", ""});
    log.settle(1);
    FAIL() << "a write to a full disk went through";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(), HasSubstr("/dev/full"));
  }
}

TEST(RejectLog, TakesRejectsFromManyThreads) {
  const TempFolder folder;
  const std::string path = folder / "rejects.jsonl";
  RejectLog log({OnError::skip, path, name_of_file, 256, 0});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&log] {
      for (std::uint64_t i = 0; i < 200; ++i) log.add({0, i, "id", "reason", "some bytes"});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(log.count(), 800U);
  log.finish(801);
  EXPECT_EQ(parse_lines(path).size(), 800U);
}

Reject at(std::uint64_t position) {
  return {0, position + 1, "", "bad", "bytes", position};
}

std::vector<int> lines_in(const std::string& path) {
  std::vector<int> numbers;
  for (const auto& line : parse_lines(path)) numbers.push_back(line["line"].get<int>());
  return numbers;
}

TEST(RejectLog, WritesInInputOrderWhateverTheOrderOfArrival) {
  const TempFolder folder;
  const std::string path = folder / "rejects.jsonl";
  RejectLog log({OnError::skip, path, name_of_file, 256, 2});
  for (const std::uint64_t position : {7, 2, 9, 4}) log.add(at(position));
  EXPECT_FALSE(std::filesystem::exists(path));
  log.settle(7);
  EXPECT_THAT(lines_in(path), ElementsAre(3, 5));
  EXPECT_THAT(log.examples(), ElementsAre("a:3: bad", "a:5: bad"));
  log.add(at(8));
  log.finish(10);
  EXPECT_THAT(lines_in(path), ElementsAre(3, 5, 8, 9, 10));
}

// What a stopped run wrote behind the mark comes again; what it wrote before is known.
TEST(RejectLog, GoesOnFromAMark) {
  const TempFolder folder;
  const std::string path = folder / "rejects.jsonl";
  RejectMark mark;
  {
    RejectLog log({OnError::skip, path, name_of_file, 256, 5});
    for (std::uint64_t position = 0; position < 6; ++position) log.add(at(position));
    mark = log.mark(4);
    EXPECT_EQ(mark.end, 4U);
    EXPECT_EQ(mark.bytes, std::filesystem::file_size(path));
  }
  const std::string before = read_file(path);
  EXPECT_EQ(lines_in(path).size(), 6U) << "a run that ends early writes what it has";
  RejectLog log({OnError::skip, path, name_of_file, 256, 5});
  log.resume(mark);
  for (std::uint64_t position = 0; position < 6; ++position) log.add(at(position));
  log.finish(7);
  EXPECT_EQ(read_file(path), before);
  EXPECT_EQ(log.count(), 6U);
  std::filesystem::resize_file(path, 3);
  RejectLog lost({OnError::skip, path, name_of_file, 256, 5});
  EXPECT_THROW(lost.resume(mark), Error);
}

TEST(RejectLog, SpendsItsBudget) {
  const auto with_budget = [](std::uint64_t count, double percent) {
    RejectOptions options;
    options.on_error = OnError::skip;
    options.budget = {count, percent};
    return options;
  };
  RejectLog counted(with_budget(2, 100));
  counted.add(at(0));
  counted.add(at(1));
  EXPECT_THROW(counted.add(at(2)), Error);
  // A share is judged where there is enough to judge by.
  RejectLog early(with_budget(UINT64_MAX, 1));
  for (std::uint64_t i = 0; i < 10; ++i) early.add(at(i));
  try {
    early.add(at(999));
    FAIL() << "11 of 1000 are more than 1 %";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_record);
    EXPECT_THAT(error.what(), HasSubstr("11 of the first 1000"));
  }
  RejectLog small(with_budget(UINT64_MAX, 10));
  small.add(at(0));
  EXPECT_NO_THROW(small.finish(10));
  EXPECT_THROW(small.finish(9), Error);
}

// Records that a policy of the run leaves out are counted, but are not bad.
TEST(RejectLog, PoliciesDoNotSpendTheBudget) {
  const TempFolder folder;
  const std::string path = folder / "rejects.jsonl";
  const auto options = [&path] {
    RejectOptions all;
    all.on_error = OnError::skip;
    all.path = path;
    all.budget = {1, 100};
    return all;
  };
  RejectMark mark;
  {
    RejectLog log(options());
    for (std::uint64_t i = 0; i < 5; ++i) {
      log.add({0, i + 1, "", "duplicate id: an earlier record has it (--duplicate-ids)", "x", i});
      log.add({0, i + 1, "", "the text has more than 8 tokens (--on-long)", "x", i});
    }
    log.add({0, 6, "", "no field 'text' (--text-field)", "\"bytes\":", 5});
    EXPECT_EQ(log.count(), 11U);
    mark = log.mark(6);
    EXPECT_NO_THROW(log.finish(20));
  }
  // A resumed run knows which were which.
  RejectLog resumed(options());
  resumed.resume(mark);
  resumed.add({0, 7, "", "duplicate id: an earlier record has it (--duplicate-ids)", "x", 6});
  EXPECT_NO_THROW(resumed.finish(20));
  RejectLog spent(options());
  spent.resume(mark);
  EXPECT_THROW(spent.add({0, 7, "", "no field 'text' (--text-field)", "x", 6}), Error);
}

std::string refusal(RejectLog& log, std::uint64_t records) {
  try {
    log.finish(records);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_record);
    return error.what();
  }
  return "";
}

TEST(RejectLog, FailsWhereNoRecordIsGoodWhateverTheBudget) {
  RejectLog log({OnError::skip, "", name_of_file, 256, 5});
  EXPECT_EQ(refusal(log, 0), "");
  log.add(at(0));
  log.add(at(1));
  EXPECT_THAT(refusal(log, 2), HasSubstr("0 of 2 records"));
  EXPECT_EQ(refusal(log, 3), "");
}

TEST(RejectLog, StopsAtTheThousandthRecordByDefaultLimit) {
  RejectOptions options;
  options.on_error = OnError::skip;
  options.budget.percent = 99;
  RejectLog hopeless(options);
  for (std::uint64_t i = 0; i < 999; ++i) hopeless.add(at(i));
  EXPECT_THROW(hopeless.add(at(999)), Error);
  // One good record in a hundred is no mistake, wherever it comes.
  RejectLog sparse(options);
  for (std::uint64_t i = 10; i < 1000; ++i) sparse.add(at(i));
  EXPECT_EQ(refusal(sparse, 1000), "");
}

// Workers reject later records before the reader's earlier ones are known.
TEST(RejectLog, JudgesByTheRecordsSeenWhateverTheOrder) {
  RejectOptions options;
  options.on_error = OnError::skip;
  options.budget.percent = 50;
  RejectLog log(options);
  for (std::uint64_t i = 3000; i < 3900; ++i) log.add(at(i));
  for (std::uint64_t i = 1000; i < 1900; ++i) EXPECT_NO_THROW(log.add(at(i)));
}

TEST(RejectLog, NamesTheMostFrequentReasonAndTheRemedy) {
  RejectLog log({OnError::skip, "", name_of_file, 256, 2});
  log.add({0, 1, "", "invalid UTF-8 at byte 7", "", 0});
  log.add({0, 2, "", "no field 'text'; the record has 'x' (--text-field)", "", 1});
  log.add({0, 3, "", "no field 'text'; the record has 'y' (--text-field)", "", 2});
  const std::string message = refusal(log, 3);
  EXPECT_THAT(message,
              HasSubstr("most common reason (2 of 3): a:2: no field 'text'; the record has 'x'"));
  EXPECT_THAT(message, HasSubstr("a:1: invalid UTF-8"));
  RejectLog other({OnError::skip, "", name_of_file, 256, 2});
  other.add({0, 1, "", "invalid UTF-8 at byte 7", "", 0});
  other.add({0, 2, "", "invalid UTF-8 at byte 12", "", 1});
  EXPECT_THAT(refusal(other, 2), AllOf(HasSubstr("(2 of 2)"), HasSubstr("--format")));
}

TEST(RejectLog, StagesItsFile) {
  const TempFolder folder;
  const std::string old = folder.write("rejects.jsonl", "old\n");
  {
    RejectLog log({OnError::skip, old, name_of_file, 256, 0});
    log.stage((folder / "staged"));
    log.add(at(0));
    log.settle(1);
    log.add(at(1));
    log.discard();
  }
  EXPECT_EQ(read_file(old), "old\n");
  EXPECT_FALSE(std::filesystem::exists((folder / "staged")));
  RejectLog log({OnError::skip, old, name_of_file, 256, 0});
  log.stage((folder / "staged"));
  log.add(at(0));
  log.settle(1);
  EXPECT_EQ(read_file(old), "old\n");
  log.publish();
  log.add(at(1));
  log.settle(2);
  log.discard();
  EXPECT_EQ(parse_lines(old).size(), 2U);
  EXPECT_FALSE(std::filesystem::exists((folder / "staged")));
}

TEST(RejectLog, TouchesNoFileWithASecondName) {
  const TempFolder folder;
  const std::string target = folder.write("precious", "data");
  std::filesystem::create_hard_link(target, folder / "rejects.jsonl");
  RejectLog log({OnError::skip, folder / "rejects.jsonl", name_of_file, 256, 0});
  log.add(at(0));
  EXPECT_THROW(log.settle(1), Error);
  EXPECT_EQ(read_file(target), "data");
}

}  // namespace
}  // namespace embedtool
