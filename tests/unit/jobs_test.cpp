// Jobs run on the runner's threads or on the one that waits, all of them before wait() returns.
#include "core/base/jobs.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "tests/support/job_threads.hpp"

namespace embedtool {
namespace {

using testing::JobThreads;

TEST(JobSet, RunsAtOnceWithoutARunner) {
  JobSet jobs;
  int done = 0;
  jobs.add([&] { ++done; });
  EXPECT_EQ(done, 1);
  EXPECT_THROW(jobs.add([] { throw std::runtime_error("full"); }), std::runtime_error);
  jobs.wait();
}

TEST(JobSet, TheWaitingThreadRunsThemWhereNoOtherDoes) {
  JobThreads nobody(0);
  JobSet jobs;
  jobs.set_runner(&nobody);
  int done = 0;
  for (int i = 0; i < 5; ++i) jobs.add([&] { ++done; });
  EXPECT_EQ(done, 0);
  jobs.wait();
  EXPECT_EQ(done, 5);
}

TEST(JobSet, WaitsForAllOfItsOwn) {
  JobThreads threads(3);
  JobSet first;
  JobSet second;
  first.set_runner(&threads);
  second.set_runner(&threads);
  std::atomic<int> ones{0};
  std::atomic<int> twos{0};
  for (int round = 1; round <= 200; ++round) {
    for (int i = 0; i < 7; ++i) first.add([&] { ++ones; });
    for (int i = 0; i < 3; ++i) second.add([&] { ++twos; });
    first.wait();
    EXPECT_EQ(ones, 7 * round);
  }
  second.wait();
  EXPECT_EQ(twos, 600);
}

TEST(JobSet, ThrowsTheFirstExceptionOnce) {
  JobThreads threads(2);
  JobSet jobs;
  jobs.set_runner(&threads);
  std::atomic<int> done{0};
  for (int i = 0; i < 20; ++i) {
    jobs.add([&, i] {
      ++done;
      if (i % 5 == 0) throw std::runtime_error("full");
    });
  }
  EXPECT_THROW(jobs.wait(), std::runtime_error);
  EXPECT_EQ(done, 20);
  jobs.wait();
}

TEST(JobSet, EndsWithItsJobsDone) {
  JobThreads threads(2);
  std::atomic<int> done{0};
  {
    JobSet jobs;
    jobs.set_runner(&threads);
    for (int i = 0; i < 50; ++i) jobs.add([&] { ++done; });
  }
  EXPECT_EQ(done, 50);
  JobSet jobs;
  jobs.set_runner(&threads);
  for (int i = 0; i < 50; ++i) jobs.add([&] { ++done; });
  jobs.set_runner(nullptr);
  EXPECT_EQ(done, 100);
}

}  // namespace
}  // namespace embedtool
