// Publishing under failing allocations: the k-th one throws, for every k.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <filesystem>

#include "formats/output/verify.hpp"
#include "tests/support/allocation_counter.hpp"
#include "tests/support/output_testing.hpp"

namespace embedtool {
namespace {

using testing::contents_of;
using testing::FaultyOps;
using testing::RowGenerator;
using testing::sample_spec;
using testing::SampleRows;
using testing::SampleRun;
using testing::SampleSink;
using testing::TempFolder;
using testing::write_sample;

/// Runs `body` in a child whose k-th allocation fails; false when it never came to that. The child
/// may throw or, where a library's destructor allocates (nlohmann-json's do), be terminated: both
/// are deaths that the output must survive.
template <typename Body>
bool write_without(long k, const Body& body) {
  constexpr int kThrew = 1;
  constexpr int kNotReached = 2;
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(STDERR_FILENO);  // what terminate() says
    testing::fail_allocation(k);
    try {
      body();
    } catch (const std::exception&) {
      ::_exit(kThrew);
    }
    ::_exit(testing::allocation_has_failed() ? 0 : kNotReached);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) || WTERMSIG(status) == SIGABRT) << "allocation " << k;
  return !(WIFEXITED(status) && WEXITSTATUS(status) == kNotReached);
}

class EverySinkWithoutMemory : public ::testing::TestWithParam<SampleSink> {};

TEST_P(EverySinkWithoutMemory, AFailureAtAnyAllocationIsSurvived) {
  const TempFolder scratch;
  SampleRun how;
  how.spec = sample_spec(OutputType::f32, 4, GetParam() == SampleSink::npy, 1);
  how.sink = GetParam();
  how.shards.rows_per_shard = 10;
  how.window = 8;
  how.existing = ExistingOutput::resume;
  const SampleRows rows = RowGenerator(how.spec, 1).make(25);
  FaultyOps unsynced(UINT64_MAX);
  write_sample(scratch / "whole", rows, how, unsynced);
  const auto whole = contents_of(scratch / "whole");
  const std::string out = scratch / "out";
  long k = 0;
  for (bool reached = true; reached; ++k) {
    reached = write_without(k, [&] { write_sample(out, rows, how, unsynced); });
    if (std::filesystem::exists(out + "/manifest.json")) {
      ASSERT_TRUE(verify_output(out).ok()) << "allocation " << k;
    } else {
      ASSERT_NO_THROW(write_sample(out, rows, how, unsynced)) << "allocation " << k;
      ASSERT_EQ(contents_of(out), whole) << "allocation " << k;
    }
    std::filesystem::remove_all(out);
  }
  EXPECT_GT(k, 100);
}

INSTANTIATE_TEST_SUITE_P(Sinks, EverySinkWithoutMemory,
                         ::testing::Values(SampleSink::parquet, SampleSink::npy,
                                           SampleSink::jsonl));

}  // namespace
}  // namespace embedtool
