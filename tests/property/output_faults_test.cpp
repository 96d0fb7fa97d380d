// Outputs under flipped bytes and failing system calls.
#include <gtest/gtest.h>

#include "core/base/error.hpp"
#include "formats/output/shard_reader.hpp"
#include "formats/output/verify.hpp"
#include "tests/support/output_testing.hpp"

namespace embedtool {
namespace {

using testing::contents_of;
using testing::FaultyOps;
using testing::read_file;
using testing::RowGenerator;
using testing::sample_spec;
using testing::SampleRows;
using testing::SampleRun;
using testing::SampleSink;
using testing::TempFolder;
using testing::write_file;
using testing::write_sample;

SampleRun small_run(SampleSink sink) {
  SampleRun how;
  how.spec = sample_spec(OutputType::f32, 8, sink == SampleSink::npy, 1);
  how.sink = sink;
  how.shards.rows_per_shard = 40;
  how.window = 16;
  return how;
}

class EverySink : public ::testing::TestWithParam<SampleSink> {};

TEST_P(EverySink, AnyFlippedByteIsFound) {
  const TempFolder scratch;
  const std::string out = scratch / "out";
  const SampleRun how = small_run(GetParam());
  write_sample(out, RowGenerator(how.spec, 1).make(100), how);
  ASSERT_TRUE(verify_output(out).ok());
  const auto files = contents_of(out);
  std::size_t total = 0;
  for (const auto& [name, bytes] : files) total += bytes.size();
  std::mt19937_64 random(20);
  for (int flip = 0; flip < 200; ++flip) {
    std::size_t at = random() % total;
    auto file = files.begin();
    for (; at >= file->second.size(); ++file) at -= file->second.size();
    std::string bad = file->second;
    bad[at] = static_cast<char>(bad[at] ^ (1 << random() % 8));
    write_file(out + "/" + file->first, bad);
    EXPECT_FALSE(verify_output(out).ok()) << file->first << " byte " << at;
    write_file(out + "/" + file->first, file->second);
  }
  EXPECT_TRUE(verify_output(out).ok());
}

TEST_P(EverySink, MissingCutAndSwappedFilesAreFound) {
  const TempFolder scratch;
  const std::string out = scratch / "out";
  const SampleRun how = small_run(GetParam());
  write_sample(out, RowGenerator(how.spec, 1).make(100), how);
  const auto files = contents_of(out);
  for (const auto& [name, bytes] : files) {
    std::filesystem::remove(out + "/" + name);
    if (name == kManifestName) {
      EXPECT_THROW(verify_output(out), Error) << "it is no output any more";
    } else {
      EXPECT_FALSE(verify_output(out).ok()) << name << " removed";
    }
    write_file(out + "/" + name, bytes.substr(0, bytes.size() - 1));
    EXPECT_FALSE(verify_output(out).ok()) << name << " cut";
    write_file(out + "/" + name, bytes + "x");
    EXPECT_FALSE(verify_output(out).ok()) << name << " longer";
    write_file(out + "/" + name, files.begin()->second == bytes ? "" : files.begin()->second);
    EXPECT_FALSE(verify_output(out).ok()) << name << " swapped";
    write_file(out + "/" + name, bytes);
  }
  ASSERT_TRUE(verify_output(out).ok());
  write_file(out + "/part-00099.parquet", "");
  EXPECT_FALSE(verify_output(out).ok());
}

/// Runs the command with `ops`, whatever comes of it; true when it said that it had worked.
bool try_to_write(const std::string& out, const SampleRows& rows, const SampleRun& how,
                  FaultyOps& ops) {
  try {
    write_sample(out, rows, how, ops);
    return true;
  } catch (const Error&) {
    return false;
  }
}

void write_undisturbed(const std::string& out, const SampleRows& rows, const SampleRun& how) {
  FaultyOps unsynced(UINT64_MAX);
  write_sample(out, rows, how, unsynced);
}

// The process dies at the k-th system call, or that one call fails, for every k; then the same
// command is run again. At no k is there a manifest that verify refuses, and the second run always
// ends in the bytes of an undisturbed one.
TEST_P(EverySink, AFaultAtAnyCallIsSurvived) {
  const TempFolder scratch;
  SampleRun how = small_run(GetParam());
  how.existing = ExistingOutput::resume;
  const SampleRows rows = RowGenerator(how.spec, 1).make(100);
  FaultyOps counting(UINT64_MAX);
  write_sample(scratch / "whole", rows, how, counting);
  const auto whole = contents_of(scratch / "whole");
  ASSERT_GT(counting.calls(), 50U);
  for (std::uint64_t k = 0; k < 2 * counting.calls(); ++k) {
    const std::string out = scratch / "out";
    FaultyOps faulty(k / 2, k % 4 < 2 ? EIO : ENOSPC);
    faulty.once = k % 2 == 1;
    faulty.short_writes = k % 3 == 0;
    const bool worked = try_to_write(out, rows, how, faulty);
    const bool complete = std::filesystem::exists(out + "/manifest.json");
    ASSERT_LE(worked, complete);
    if (complete) {
      ASSERT_TRUE(verify_output(out).ok()) << "call " << k / 2;
    } else {
      ASSERT_NO_THROW(write_undisturbed(out, rows, how)) << "call " << k / 2;
      ASSERT_EQ(contents_of(out), whole) << "call " << k / 2;
    }
    std::filesystem::remove_all(out);
  }
}

// The same while an older output is being replaced: a reader sees the old one or none.
TEST_P(EverySink, DeathWhileOverwritingIsSurvived) {
  const TempFolder scratch;
  SampleRun how = small_run(GetParam());
  const SampleRows old_rows = RowGenerator(how.spec, 1).make(130);
  const SampleRows rows = RowGenerator(how.spec, 2).make(100);
  write_undisturbed(scratch / "old", old_rows, how);
  write_undisturbed(scratch / "whole", rows, how);
  const auto old = contents_of(scratch / "old");
  const auto whole = contents_of(scratch / "whole");
  how.existing = ExistingOutput::overwrite;
  for (std::uint64_t k = 0;; ++k) {
    const std::string out = scratch / "out";
    std::filesystem::copy(scratch / "old", out, std::filesystem::copy_options::recursive);
    FaultyOps dying(k);
    const bool worked = try_to_write(out, rows, how, dying);
    auto found = contents_of(out);
    if (found.contains("manifest.json")) {
      ASSERT_TRUE(verify_output(out).ok()) << "call " << k;
      ASSERT_TRUE(found["manifest.json"] == old.at("manifest.json") ||
                  found["manifest.json"] == whole.at("manifest.json"));
    }
    write_undisturbed(out, rows, how);
    ASSERT_EQ(contents_of(out), whole) << "call " << k;
    std::filesystem::remove_all(out);
    if (worked && dying.calls() <= k) break;  // it never came to the k-th call
  }
}

INSTANTIATE_TEST_SUITE_P(Sinks, EverySink,
                         ::testing::Values(SampleSink::parquet, SampleSink::npy,
                                           SampleSink::jsonl));

TEST(ParquetOutput, WindowsDoNotChangeBytes) {
  const TempFolder scratch;
  SampleRun how;
  how.spec = sample_spec(OutputType::int8, 32, false, 2);
  how.shards.rows_per_shard = 333;
  const SampleRows rows = RowGenerator(how.spec, 9).make(2000);
  how.window = 2000;
  write_sample(scratch / "whole", rows, how);
  for (const std::size_t window : {1, 7, 333, 1024}) {
    how.window = window;
    write_undisturbed(scratch / std::to_string(window), rows, how);
    EXPECT_EQ(contents_of(scratch / std::to_string(window)), contents_of(scratch / "whole"));
  }
}

TEST(ParquetOutput, ReadsBackInBlocksOfAnySize) {
  const TempFolder scratch;
  SampleRun how = small_run(SampleSink::parquet);
  const SampleRows rows = RowGenerator(how.spec, 9).make(100);
  write_sample(scratch / "out", rows, how);
  for (const std::size_t records : {1, 7, 1000}) {
    OutputReader reader(scratch / "out");
    OutputBlock block;
    std::vector<std::byte> vectors;
    std::uint64_t ordinal = 0;
    while (reader.read(block, {records, 1 << 20})) {
      ASSERT_LE(block.rows.size(), records);
      vectors.insert(vectors.end(), block.vectors.begin(), block.vectors.end());
      for (const Record& record : block.documents.records) ASSERT_EQ(record.ordinal, ordinal++);
    }
    EXPECT_EQ(ordinal, 100U);
    EXPECT_EQ(vectors, rows.vectors);
  }
}

TEST(ParquetOutput, VerifyFindsNumbersThatAreNotFinite) {
  const TempFolder scratch;
  SampleRun how = small_run(SampleSink::parquet);
  SampleRows rows = RowGenerator(how.spec, 9).make(100);
  const float infinite = std::numeric_limits<float>::infinity();
  std::memcpy(&rows.vectors[(57 * 8 + 3) * 4], &infinite, 4);
  write_sample(scratch / "out", rows, how);
  const VerifyReport report = verify_output(scratch / "out");
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_EQ(report.problems[0].file, "data/part-00001.parquet");
  EXPECT_EQ(report.problems[0].what, "row 57 contains a value that is not finite");
}

}  // namespace
}  // namespace embedtool
