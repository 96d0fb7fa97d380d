#include "formats/output/run_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "core/base/error.hpp"
#include "formats/output/verify.hpp"
#include "tests/support/output_testing.hpp"

namespace embedtool {
namespace {

using testing::claimed;
using testing::contents_of;
using ::testing::HasSubstr;
using testing::read_file;
using testing::RowGenerator;
using testing::sample_identity;
using testing::sample_spec;
using testing::SampleRows;
using testing::SampleRun;
using testing::TempFolder;
using testing::write_file;
using testing::write_sample;

template <typename Action>
std::string refusal(ExitCode code, Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no Error";
  return {};
}

SampleRun sample_run() {
  SampleRun how;
  how.spec = sample_spec(OutputType::f32, 4, false, 1);
  how.shards.rows_per_shard = 40;
  return how;
}

SampleRows sample_rows(std::size_t count, std::uint64_t seed = 1) {
  return RowGenerator(sample_run().spec, seed).make(count);
}

TEST(RunDirectory, LeavesOnlyTheOutput) {
  const TempFolder scratch;
  write_sample(scratch / "out", sample_rows(100), sample_run());
  std::vector<std::string> names;
  for (const auto& [name, bytes] : contents_of(scratch / "out")) names.push_back(name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"data/part-00000.parquet", "data/part-00001.parquet",
                                      "data/part-00002.parquet", "manifest.json", "report.json"}));
  EXPECT_TRUE(verify_output(scratch / "out").ok());
}

TEST(RunDirectory, RefusesWhatIsNotOurs) {
  const TempFolder scratch;
  for (const char* name : {"notes.txt", "manifest.json", "part-00000.parquet", "journal.jsonl"}) {
    const std::string out = scratch / (std::string("dir-") + name);
    std::filesystem::create_directory(out);
    write_file(out + "/" + name, "mine");
    for (const auto existing :
         {ExistingOutput::refuse, ExistingOutput::overwrite, ExistingOutput::resume}) {
      const std::string message = refusal(ExitCode::usage, [&] { RunDirectory(out, existing); });
      EXPECT_THAT(message, HasSubstr(name));
    }
    EXPECT_EQ(contents_of(out), (std::map<std::string, std::string>{{name, "mine"}}));
  }
}

TEST(RunDirectory, RefusesACompleteOutputUnlessOverwriting) {
  const TempFolder scratch;
  SampleRun how = sample_run();
  write_sample(scratch / "out", sample_rows(100), how);
  write_file(scratch / "out/notes.txt", "mine");
  const auto before = contents_of(scratch / "out");
  EXPECT_THAT(
      refusal(ExitCode::usage, [&] { write_sample(scratch / "out", sample_rows(10), how); }),
      HasSubstr("--overwrite"));
  {
    const RunDirectory found(scratch / "out", ExistingOutput::resume);
    ASSERT_TRUE(found.complete().has_value());
    EXPECT_EQ(found.complete()->rows, 100U);
    EXPECT_EQ(identity_record(found.complete()->identity), identity_record(sample_identity(how)));
  }
  EXPECT_EQ(contents_of(scratch / "out"), before);
  how.existing = ExistingOutput::overwrite;
  write_sample(scratch / "out", sample_rows(10, 2), how);
  const VerifyReport report = verify_output(scratch / "out");
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.rows, 10U);
  EXPECT_EQ(read_file(scratch / "out/notes.txt"), "mine");
  EXPECT_FALSE(std::filesystem::exists(scratch / "out/data/part-00001.parquet"));
}

/// Writes the first rows and stops before the end, as a run does that a signal ends.
void write_unfinished(const std::string& path, const SampleRows& rows, const SampleRun& how) {
  const auto run = claimed(path, how.existing, sample_identity(how));
  const auto sink = testing::open_sample_sink(*run, how);
  sink->write(part_of(rows, how.spec, 0, 90));
}

TEST(RunDirectory, ResumesAfterTheLastCompleteShard) {
  const TempFolder scratch;
  const SampleRows rows = sample_rows(100);
  SampleRun how = sample_run();
  write_sample(scratch / "whole", rows, how);
  write_unfinished(scratch / "out", rows, how);
  EXPECT_FALSE(std::filesystem::exists(scratch / "out/manifest.json"));
  EXPECT_THAT(refusal(ExitCode::usage, [&] { RunDirectory(scratch / "out"); }),
              HasSubstr("unfinished"));
  how.existing = ExistingOutput::resume;
  {
    const auto run = claimed(scratch / "out", how.existing, sample_identity(how));
    ASSERT_EQ(run->completed_shards().size(), 2U);
    EXPECT_EQ(run->completed_rows(), 80U);
    EXPECT_EQ(run->completed_shards()[1].last_record, 79U);
    EXPECT_EQ(run->completed_shards()[1].last_record_rows, 0U);
  }
  write_sample(scratch / "out", rows, how);
  EXPECT_EQ(contents_of(scratch / "out"), contents_of(scratch / "whole"));
}

// A line half written by a run that died must not swallow the next run's first line.
TEST(RunDirectory, MendsATornJournal) {
  const TempFolder scratch;
  const SampleRows rows = sample_rows(100);
  SampleRun how = sample_run();
  write_unfinished(scratch / "out", rows, how);
  std::string journal = read_file(scratch / "out/journal.jsonl");
  journal.resize(journal.size() - 5);
  write_file(scratch / "out/journal.jsonl", journal);
  how.existing = ExistingOutput::resume;
  {
    const auto run = claimed(scratch / "out", how.existing, sample_identity(how));
    ASSERT_EQ(run->completed_rows(), 40U);
    testing::open_sample_sink(*run, how)->write(part_of(rows, how.spec, 40, 90));
  }
  EXPECT_EQ(claimed(scratch / "out", how.existing, sample_identity(how))->completed_rows(), 80U);
}

TEST(RunDirectory, NamesTheDifferenceToTheRunBefore) {
  const TempFolder scratch;
  const SampleRun how = sample_run();
  write_unfinished(scratch / "out", sample_rows(100), how);
  const auto before = contents_of(scratch / "out");
  RunIdentity other = sample_identity(how);
  other.prompt = "query: ";
  {
    RunDirectory run(scratch / "out", ExistingOutput::resume);
    ASSERT_TRUE(run.unfinished() && run.unfinished()->identity);
    run.check(sample_identity(how));
    for (const bool claims : {false, true}) {
      EXPECT_THAT(refusal(ExitCode::usage, [&] { claims ? run.claim(other) : run.check(other); }),
                  HasSubstr("prompt was not set and is now 'query: ' (--prompt, --prompt-name)"));
    }
  }
  EXPECT_EQ(contents_of(scratch / "out"), before);
}

/// An output as older versions cut it: shards beside the manifest, of which their shard_format 1
/// tells, or nothing.
void make_older(const std::string& out) {
  for (const auto& entry : std::filesystem::directory_iterator(out + "/data")) {
    std::filesystem::rename(entry.path(), out + "/" + entry.path().filename().string());
  }
  std::filesystem::remove(out + "/data");
  const std::string path = out + "/manifest.json";
  Manifest manifest = parse_manifest(read_file(path), path);
  for (ShardEntry& shard : manifest.shards) shard.name.erase(0, shard.name.find('/') + 1);
  manifest.identity.shard_format = 1;
  std::string text = to_json(manifest);
  const std::size_t at = text.find("    \"shard_format\"");
  text.erase(at, text.find('\n', at) + 1 - at);
  text.resize(text.find(",\n  \"checksum\""));
  write_file(path, text + ",\n  \"checksum\": \"" + hash128(text).hex() + "\"\n}\n");
}

TEST(RunDirectory, KnowsShardsBesideTheManifest) {
  const TempFolder scratch;
  SampleRun how = sample_run();
  const SampleRows rows = sample_rows(100);
  write_sample(scratch / "now", rows, how);
  write_sample(scratch / "out", rows, how);
  make_older(scratch / "out");
  ASSERT_TRUE(std::filesystem::exists(scratch / "out/part-00002.parquet"));
  const VerifyReport report = verify_output(scratch / "out");
  EXPECT_TRUE(report.ok()) << report.problems.front().what;
  EXPECT_EQ(report.rows, 100U);
  {
    const RunDirectory found(scratch / "out", ExistingOutput::resume);
    ASSERT_TRUE(found.complete().has_value());
    const RunIdentity& old = found.complete()->identity;
    const RunIdentity now = sample_identity(how);
    EXPECT_EQ(old.shard_format, 1U);
    EXPECT_EQ(first_difference(old, now, Comparison::up_to_date), "");
    EXPECT_THAT(first_difference(old, now, Comparison::resume), HasSubstr("shard_format"));
  }
  how.existing = ExistingOutput::overwrite;
  write_sample(scratch / "out", rows, how);
  EXPECT_EQ(contents_of(scratch / "out"), contents_of(scratch / "now"));
}

TEST(RunDirectory, KeepsTheFolderOfShardsToItself) {
  const TempFolder scratch;
  SampleRun how = sample_run();
  const SampleRows rows = sample_rows(50);
  write_sample(scratch / "out", rows, how);
  write_file(scratch / "out/data/_SUCCESS", "");
  EXPECT_TRUE(verify_output(scratch / "out").ok());
  for (const char* name : {"data/notes.txt", "data/part-00007.parquet", "part-00000.parquet"}) {
    write_file(scratch / "out" + ("/" + std::string(name)), "mine");
    const VerifyReport report = verify_output(scratch / "out");
    ASSERT_EQ(report.problems.size(), 1U) << name;
    EXPECT_EQ(report.problems[0].file, name);
    std::filesystem::remove(scratch / "out" + ("/" + std::string(name)));
  }
  // What is not ours stays; a folder that is empty goes with its shards.
  write_file(scratch / "out/data/notes.txt", "mine");
  how.existing = ExistingOutput::overwrite;
  how.sink = testing::SampleSink::npy;
  write_sample(scratch / "out", rows, how);
  EXPECT_FALSE(std::filesystem::exists(scratch / "out/data/part-00000.parquet"));
  EXPECT_EQ(read_file(scratch / "out/data/notes.txt"), "mine");
  std::filesystem::remove(scratch / "out/data/notes.txt");
  std::filesystem::remove(scratch / "out/data/_SUCCESS");
  write_sample(scratch / "out", rows, how);
  EXPECT_FALSE(std::filesystem::exists(scratch / "out/data"));
}

TEST(RunDirectory, FollowsNoLinkToAFolder) {
  const TempFolder scratch;
  std::filesystem::create_directory(scratch / "elsewhere");
  write_file(scratch / "elsewhere/part-00000.parquet", "precious");
  SampleRun how = sample_run();
  how.sink = testing::SampleSink::npy;
  write_sample(scratch / "out", sample_rows(10), how);
  std::filesystem::create_directory_symlink(scratch / "elsewhere", scratch / "out/data");
  how.sink = testing::SampleSink::parquet;
  how.existing = ExistingOutput::overwrite;
  EXPECT_THAT(
      refusal(ExitCode::failed, [&] { write_sample(scratch / "out", sample_rows(10), how); }),
      HasSubstr("out/data: is not a directory, or is a link to one"));
  EXPECT_EQ(read_file(scratch / "elsewhere/part-00000.parquet"), "precious");
}

// As version 0.1.0 wrote it: pairs, in which inputs and fields were names of their own.
TEST(RunDirectory, RefusesWhatAnOlderVersionHasBegun) {
  const TempFolder scratch;
  const SampleRun how = sample_run();
  write_unfinished(scratch / "out", sample_rows(100), how);
  const std::string journal = read_file(scratch / "out/journal.jsonl");
  const std::string body =
      R"({"embedtool_journal":1,"identity":[["model_fingerprint","sample"],["input a","7 bytes"]])";
  const std::string header = body + ",\"checksum\":\"" + hash128(body).hex() + "\"}\n";
  write_file(scratch / "out/journal.jsonl", header + journal.substr(journal.find('\n') + 1));
  RunDirectory run(scratch / "out", ExistingOutput::resume);
  ASSERT_TRUE(run.unfinished().has_value());
  EXPECT_EQ(run.unfinished()->shards.size(), 2U);
  EXPECT_THAT(refusal(ExitCode::usage, [&] { run.check(sample_identity(how)); }),
              HasSubstr("another version of embedtool started it"));
}

TEST(RunDirectory, LeavesNoDirectoryThatItOnlyLookedInto) {
  const TempFolder scratch;
  std::filesystem::create_directory(scratch / "there");
  for (const char* name : {"new", "there"}) {
    const RunDirectory run(scratch / name, ExistingOutput::resume);
    EXPECT_TRUE(std::filesystem::exists(scratch / name));
  }
  EXPECT_FALSE(std::filesystem::exists(scratch / "new"));
  EXPECT_TRUE(contents_of(scratch / "there").empty());
  claimed(scratch / "new", ExistingOutput::resume, sample_identity());
  EXPECT_TRUE(std::filesystem::exists(scratch / "new/journal.jsonl"));
}

TEST(RunDirectory, ReplacesAnotherRunThatHasNoShard) {
  const TempFolder scratch;
  RunIdentity typo = sample_identity();
  typo.text_fields = {"typo"};
  claimed(scratch / "out", ExistingOutput::resume, typo);
  write_file(scratch / "out/rejects.jsonl", "{}\n");
  SampleRun how = sample_run();
  how.existing = ExistingOutput::resume;
  write_sample(scratch / "out", sample_rows(10), how);
  EXPECT_TRUE(verify_output(scratch / "out").ok());
  EXPECT_FALSE(std::filesystem::exists(scratch / "out/rejects.jsonl"));
}

TEST(RunDirectory, KeepsACompleteOutputUntilTheNextOneBegins) {
  const TempFolder scratch;
  write_sample(scratch / "out", sample_rows(100), sample_run());
  const auto before = contents_of(scratch / "out");
  {
    const auto run = claimed(scratch / "out", ExistingOutput::overwrite, sample_identity());
    EXPECT_TRUE(run->replaces());
    EXPECT_TRUE(run->completed_shards().empty());
  }
  EXPECT_EQ(contents_of(scratch / "out"), before);
  RunDirectory run(scratch / "out", ExistingOutput::overwrite);
  run.claim(sample_identity());
  write_file(scratch / "out/" + std::string(kStagedRejectsName), "{}\n");
  run.begin();
  EXPECT_FALSE(run.replaces());
  EXPECT_FALSE(std::filesystem::exists(scratch / "out/manifest.json"));
  EXPECT_FALSE(std::filesystem::exists(scratch / "out/data/part-00000.parquet"));
  // It is of this run, and gets its name next.
  EXPECT_TRUE(std::filesystem::exists(scratch / "out/" + std::string(kStagedRejectsName)));
}

TEST(RunDirectory, DropsShardsThatTheJournalHasAndTheDiskHasNot) {
  const TempFolder scratch;
  const SampleRows rows = sample_rows(100);
  SampleRun how = sample_run();
  write_sample(scratch / "whole", rows, how);
  write_unfinished(scratch / "out", rows, how);
  std::filesystem::resize_file(scratch / "out/data/part-00000.parquet", 10);
  how.existing = ExistingOutput::resume;
  write_sample(scratch / "out", rows, how);
  EXPECT_EQ(contents_of(scratch / "out"), contents_of(scratch / "whole"));
}

TEST(RunDirectory, OneRunAtATime) {
  const TempFolder scratch;
  {
    const RunDirectory first(scratch / "out");
    for (const auto existing :
         {ExistingOutput::refuse, ExistingOutput::overwrite, ExistingOutput::resume}) {
      EXPECT_THAT(refusal(ExitCode::output_busy, [&] { RunDirectory(scratch / "out", existing); }),
                  HasSubstr("another run"));
    }
  }
  const RunDirectory next(scratch / "out", ExistingOutput::overwrite);
}

TEST(RunDirectory, DeathReleasesTheLock) {
  const TempFolder scratch;
  const pid_t child = ::fork();
  if (child == 0) {
    const RunDirectory run(scratch / "out");
    ::_exit(0);  // no destructor, as after kill -9
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  ASSERT_TRUE(std::filesystem::exists(scratch / "out/.embedtool-lock"));
  const RunDirectory run(scratch / "out", ExistingOutput::resume);
}

TEST(RunDirectory, RecordsFilesWrittenPastIt) {
  const TempFolder scratch;
  {
    RunDirectory run(scratch / "out");
    run.claim(sample_identity());
    write_file(scratch / "out/rejects.jsonl", "{\"line\":1}\n");
    testing::open_sample_sink(run, sample_run())->finish();
    run.finish(testing::sample_manifest(sample_run()));
  }
  EXPECT_TRUE(verify_output(scratch / "out").ok());
  write_file(scratch / "out/rejects.jsonl", "{\"line\":2}\n");
  EXPECT_FALSE(verify_output(scratch / "out").ok());
}

}  // namespace
}  // namespace embedtool
