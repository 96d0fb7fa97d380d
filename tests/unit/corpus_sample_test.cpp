// The first records of a corpus, and a choice of them.
#include "formats/corpus/corpus_sample.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <thread>

#include "core/base/error.hpp"
#include "tests/support/corpus_testing.hpp"
#include "tests/support/packing.hpp"

namespace embedtool {
namespace {

using testing::Corpus;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using testing::read_corpus;
using testing::RejectList;
using testing::Row;
using ::testing::SizeIs;
using testing::TempFolder;

/// Lines with kept fields; every fifth is bad.
std::string lines(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    out += i % 5 == 4    ? "{broken\n"
           : i % 5 == 3  ? R"({"input_ids":[)" + number + ",2]}\n"
           : i % 10 == 0 ? R"({"text":"text )" + number + "\"}\n"
                         : R"({"text":"text )" + number + R"(","lang":"l)" + number + "\"}\n";
  }
  return out;
}

CorpusOptions options_for(std::vector<std::string> inputs) {
  CorpusOptions options;
  options.inputs = std::move(inputs);
  options.keep = {"lang"};
  options.buffer_bytes = 128;
  return options;
}

CorpusOptions sampling(std::vector<std::string> inputs, std::uint64_t n, std::uint64_t seed = 0) {
  CorpusOptions options = options_for(std::move(inputs));
  options.sample = n;
  options.seed = seed;
  return options;
}

TEST(CorpusLimit, EndsTheCorpusThere) {
  const TempFolder folder;
  const std::vector<std::string> inputs{folder.write("a.jsonl", lines(17)),
                                        folder.write("b.jsonl.gz", testing::gzip(lines(20)))};
  const Corpus all = read_corpus(options_for(inputs));
  for (std::uint64_t limit = 1; limit < 40; ++limit) {
    CorpusOptions options = options_for(inputs);
    options.limit = limit;
    const Corpus some = read_corpus(options, {3, 1 << 20});
    EXPECT_EQ(some.rows.size() + some.rejects.size(), std::min<std::size_t>(limit, 37));
    ASSERT_LE(some.rows.size(), all.rows.size());
    EXPECT_TRUE(std::equal(some.rows.begin(), some.rows.end(), all.rows.begin()));
  }
}

TEST(CorpusSample, ConsistsOfRecordsOfTheCorpusInTheirOrder) {
  const TempFolder folder;
  const std::vector<std::string> inputs{folder.write("a.jsonl", lines(300)),
                                        folder.write("b.jsonl.gz", testing::gzip(lines(200)))};
  const Corpus all = read_corpus(options_for(inputs));
  for (const std::uint64_t n : {1, 7, 100, 399}) {
    for (const std::size_t block : {1, 5, 1000}) {
      const Corpus some = read_corpus(sampling(inputs, n), {block, 1 << 20});
      ASSERT_THAT(some.rows, SizeIs(n));
      EXPECT_TRUE(std::includes(all.rows.begin(), all.rows.end(), some.rows.begin(),
                                some.rows.end(),
                                [](const Row& a, const Row& b) { return a.ordinal < b.ordinal; }));
      for (const Row& row : some.rows) EXPECT_EQ(row, all.rows[row.ordinal]);
      EXPECT_THAT(some.rejects, SizeIs(100)) << "bad records are told as ever";
    }
  }
  EXPECT_EQ(read_corpus(sampling(inputs, 400)).rows, all.rows);
  EXPECT_EQ(read_corpus(sampling(inputs, 4000)).rows, all.rows);
}

std::set<std::uint64_t> ordinals_of(const CorpusOptions& options) {
  std::set<std::uint64_t> ordinals;
  for (const Row& row : read_corpus(options).rows) ordinals.insert(row.ordinal);
  return ordinals;
}

TEST(CorpusSample, DependsOnSizeAndSeedAlone) {
  const TempFolder folder;
  const std::vector<std::string> inputs{folder.write("a.jsonl", lines(500))};
  const auto small = ordinals_of(sampling(inputs, 50));
  EXPECT_EQ(ordinals_of(sampling(inputs, 50)), small);
  EXPECT_THAT(ordinals_of(sampling(inputs, 100)), IsSupersetOf(small));
  EXPECT_NE(ordinals_of(sampling(inputs, 50, 1)), small);
  CorpusOptions limited = sampling(inputs, 50);
  limited.limit = 100;
  for (const std::uint64_t ordinal : ordinals_of(limited)) EXPECT_LT(ordinal, 80U);
}

/// Every record is as likely as any other: chi-squared over tenths of the corpus, for many seeds.
TEST(CorpusSample, IsUniform) {
  constexpr std::uint64_t kRecords = 1000;
  constexpr int kSeeds = 400;
  constexpr std::uint64_t kSize = 50;
  std::array<double, 10> counts{};
  for (int seed = 0; seed < kSeeds; ++seed) {
    SampleChoice choice(kSize, static_cast<std::uint64_t>(seed));
    for (std::uint64_t i = 0; i < kRecords; ++i) choice.offer(choice.key(i));
    std::uint64_t chosen = 0;
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      if (!choice.has(choice.key(i))) continue;
      ++chosen;
      counts[i * counts.size() / kRecords] += 1;
    }
    ASSERT_EQ(chosen, kSize);
  }
  const double expected = kSeeds * static_cast<double>(kSize) / static_cast<double>(counts.size());
  double chi_squared = 0;
  for (const double count : counts) chi_squared += std::pow(count - expected, 2) / expected;
  EXPECT_LT(chi_squared, 27.9) << "0.1 % of fair choices exceed this, with 9 degrees of freedom";
}

/// A pipe with these bytes, for one reader.
class Pipe {
 public:
  Pipe(const TempFolder& folder, std::string bytes) : path_(folder / "pipe") {
    ::mkfifo(path_.c_str(), 0600);
    writer_ = std::thread([this, bytes = std::move(bytes)] { std::ofstream(path_) << bytes; });
  }
  ~Pipe() {
    writer_.join();
    std::remove(path_.c_str());
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::thread writer_;
};

TEST(CorpusSample, OfAStreamIsThatOfAFile) {
  const TempFolder folder;
  const std::string file = folder.write("a.jsonl", lines(500));
  for (const std::uint64_t n : {1, 50, 1000}) {
    const Pipe pipe(folder, lines(500));
    const Corpus held = read_corpus(sampling({pipe.path()}, n), {7, 1 << 20});
    EXPECT_EQ(held.rows, read_corpus(sampling({file}, n)).rows);
    EXPECT_THAT(held.rejects, SizeIs(100));
  }
  CorpusOptions tight = sampling({}, 400);
  tight.sample_bytes = 1000;
  const Pipe pipe(folder, lines(500));
  tight.inputs = {pipe.path()};
  try {
    read_corpus(tight);
    ADD_FAILURE() << "a sample without room";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("write it to a file first"));
  }
}

/// Ordinals and prefixes of a sample from a point on.
std::vector<Record> records_from(const std::string& input, const ResumePoint& point) {
  RejectList rejects;
  const auto source = open_corpus(sampling({input}, 60), rejects);
  source->resume(point);
  std::vector<Record> records;
  for (DocumentBlock block; source->read(block, {7, 1 << 20});) {
    records.insert(records.end(), block.records.begin(), block.records.end());
  }
  return records;
}

TEST(CorpusSample, GoesOnWhereItStopped) {
  const TempFolder folder;
  const std::string file = folder.write("a.jsonl", lines(500));
  const std::vector<Record> whole = records_from(file, {});
  ASSERT_THAT(whole, SizeIs(60));
  for (const bool stream : {false, true}) {
    for (const std::size_t done : {1, 30, 60}) {
      for (const std::uint64_t again : {0, 1}) {
        const Record& last = whole[done - 1];
        const ResumePoint point{last.ordinal + 1 - again, last.ordinal + 1, last.prefix};
        std::optional<Pipe> pipe;
        if (stream) pipe.emplace(folder, lines(500));
        const auto rest = records_from(stream ? pipe->path() : file, point);
        ASSERT_THAT(rest, SizeIs(60 - done + again));
        for (std::size_t i = 0; i < rest.size(); ++i) {
          EXPECT_EQ(rest[i].ordinal, whole[done - again + i].ordinal);
        }
        if (stream) pipe.emplace(folder, lines(500));
        const ResumePoint other{point.skip, point.witnesses, point.prefix + 1};
        EXPECT_THROW(records_from(stream ? pipe->path() : file, other), Error);
      }
    }
  }
}

}  // namespace
}  // namespace embedtool
