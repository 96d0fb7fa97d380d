// Going on in an input where an earlier run stopped, and knowing it again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.hpp"
#include "formats/corpus/corpus.hpp"
#include "tests/support/corpus_testing.hpp"
#include "tests/support/packing.hpp"

namespace embedtool {
namespace {

using ::testing::HasSubstr;
using testing::read_file;
using testing::RejectList;
using testing::TempFolder;

/// Ordinal, position and prefix of every record.
std::vector<Record> records_of(const std::vector<std::string>& inputs, const ResumePoint& point,
                               std::size_t* rejects = nullptr, std::size_t block_records = 3) {
  CorpusOptions options;
  options.inputs = inputs;
  options.buffer_bytes = 64;
  RejectList list;
  const auto source = open_corpus(options, list);
  source->resume(point);
  std::vector<Record> records;
  DocumentBlock block;
  while (source->read(block, {block_records, 1 << 20})) {
    records.insert(records.end(), block.records.begin(), block.records.end());
  }
  if (rejects != nullptr) *rejects = list.rows.size();
  return records;
}

std::string sample_lines(int first, int last) {
  std::string lines;
  for (int i = first; i < last; ++i) {
    lines += i % 5 == 3 ? "{broken\n" : R"({"text":"text )" + std::to_string(i) + "\"}\n";
    if (i % 7 == 2) lines += R"({"input_ids":[)" + std::to_string(i) + ",2]}\n";
  }
  return lines;
}

TEST(CorpusResume, GoesOnAtEveryRecord) {
  const TempFolder folder;
  const std::vector<std::string> inputs = {
      folder.write("a.jsonl", sample_lines(0, 20)),
      folder.write("b.jsonl.gz", testing::gzip(sample_lines(20, 40)))};
  std::size_t all_rejects = 0;
  const std::vector<Record> whole = records_of(inputs, {}, &all_rejects);
  ASSERT_GT(whole.size(), 30U);
  for (std::size_t done = 1; done <= whole.size(); ++done) {
    for (const std::size_t again : {0, 1}) {  // the last record may be wanted once more
      const ResumePoint point{done - again, done, whole[done - 1].prefix};
      std::size_t rejects = 0;
      const std::vector<Record> rest = records_of(inputs, point, &rejects);
      EXPECT_EQ(rejects, all_rejects) << "what was rejected before is rejected again";
      ASSERT_EQ(rest.size(), whole.size() - done + again);
      for (std::size_t i = 0; i < rest.size(); ++i) {
        const Record& expected = whole[done - again + i];
        EXPECT_EQ(rest[i].ordinal, expected.ordinal);
        EXPECT_EQ(rest[i].position, expected.position);
        EXPECT_EQ(rest[i].prefix, expected.prefix);
      }
    }
  }
}

TEST(CorpusResume, KnowsAnyChangeBeforeThePoint) {
  const TempFolder folder;
  const std::string lines = "one\ntwo\n\nthree\nfour\nfive\n";
  const std::string path = folder.write("a.txt", lines);
  const ResumePoint point{4, 4, records_of({path}, {})[3].prefix};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string changed = lines;
    changed[i] = static_cast<char>(changed[i] ^ 2);
    folder.write("a.txt", changed);
    const bool before = i < lines.find("four");
    try {
      records_of({path}, point);
      EXPECT_FALSE(before) << "byte " << i;
    } catch (const Error& error) {
      EXPECT_TRUE(before) << "byte " << i;
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_THAT(error.what(), HasSubstr("a.txt"));
    }
  }
}

TEST(CorpusResume, RefusesAShorterInput) {
  const TempFolder folder;
  const std::string path = folder.write("a.txt", "one\ntwo\nthree\n");
  const std::vector<Record> whole = records_of({path}, {});
  folder.write("a.txt", "one\ntwo\n");
  EXPECT_THROW(records_of({path}, {3, 3, whole[2].prefix}), Error);
  EXPECT_EQ(records_of({path}, {2, 2, whole[1].prefix}).size(), 0U);
}

// A block ends after so many bad records, so that what is held back of them is bounded.
TEST(CorpusResume, BlocksOfBadRecordsEnd) {
  const TempFolder folder;
  std::string lines;
  for (int i = 0; i < 5000; ++i) lines += "{broken\n";
  lines += "{\"text\":\"good\"}\n";
  CorpusOptions options;
  options.inputs = {folder.write("a.jsonl", lines)};
  RejectList list;
  const auto source = open_corpus(options, list);
  DocumentBlock block;
  std::size_t blocks = 0;
  std::size_t good = 0;
  std::size_t before = 0;
  while (source->read(block, {100, 1 << 20})) {
    ++blocks;
    good += block.records.size();
    EXPECT_LE(list.rows.size() - before, 1024U);
    before = list.rows.size();
    EXPECT_EQ(block.end, list.rows.size() + good);
  }
  EXPECT_EQ(good, 1U);
  EXPECT_GE(blocks, 5U);
}

TEST(CorpusResume, DigestsWhatItRead) {
  const TempFolder folder;
  const std::string packed = testing::gzip("one\ntwo\n");
  CorpusOptions options;
  options.inputs = {folder.write("a.txt.gz", packed), folder.write("b.txt", "three")};
  RejectList list;
  const auto source = open_corpus(options, list);
  DocumentBlock block;
  while (source->read(block, {100, 1 << 20})) continue;
  ASSERT_EQ(source->digests().size(), 2U);
  EXPECT_EQ(source->digests()[0].bytes, packed.size());
  EXPECT_EQ(source->digests()[0].hash, hash128(packed));
  EXPECT_EQ(source->digests()[1].hash, hash128("three"));
  const std::atomic<bool> go_on{false};
  EXPECT_EQ(digest_input(options.inputs[0], go_on).hash, hash128(packed));
}

}  // namespace
}  // namespace embedtool
