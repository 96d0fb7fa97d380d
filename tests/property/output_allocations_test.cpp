// Publishing under failing allocations: the k-th one throws, for every k.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <new>

#include "formats/verify.hpp"
#include "tests/support/output_testing.hpp"

namespace {

// Of this executable's operator new: a countdown to the allocation that fails; negative = never.
// Static storage is what a replaced operator can reach.
std::atomic<long> countdown{-1};

void* allocate(std::size_t size, std::size_t alignment) {
  if (countdown.load() >= 0 && countdown.fetch_sub(1) == 0) throw std::bad_alloc();
  void* memory =
      alignment <= alignof(std::max_align_t)
          ? std::malloc(size > 0 ? size : 1)
          : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size, 1);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace embedtool {
namespace {

using testing::contents_of;
using testing::FaultyOps;
using testing::RowGenerator;
using testing::sample_spec;
using testing::SampleRows;
using testing::SampleRun;
using testing::SampleSink;
using testing::ScratchDir;
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
    countdown = k;
    try {
      body();
    } catch (const std::exception&) {
      ::_exit(kThrew);
    }
    ::_exit(countdown.load() < 0 ? 0 : kNotReached);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) || WTERMSIG(status) == SIGABRT) << "allocation " << k;
  return !(WIFEXITED(status) && WEXITSTATUS(status) == kNotReached);
}

class EverySinkWithoutMemory : public ::testing::TestWithParam<SampleSink> {};

TEST_P(EverySinkWithoutMemory, AFailureAtAnyAllocationIsSurvived) {
  const ScratchDir scratch;
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
