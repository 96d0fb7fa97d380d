#include "core/base/threads.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace embedtool {
namespace {

TEST(ParallelFor, CallsEachIndexOnce) {
  for (const std::size_t count : {0U, 1U, 2U, 1000U}) {
    std::vector<std::atomic<int>> calls(count);
    parallel_for(count, [&](std::size_t i) { ++calls[i]; });
    for (const auto& c : calls) EXPECT_EQ(c.load(), 1);
  }
}

TEST(ParallelFor, ThrowsWhatTheLowestIndexThrew) {
  std::atomic<int> calls{0};
  try {
    parallel_for(100, [&](std::size_t i) {
      ++calls;
      if (i % 10 == 7) throw std::runtime_error(std::to_string(i));
    });
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "7");
  }
  EXPECT_EQ(calls.load(), 100);
}

TEST(PinThread, LeavesOneCpu) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  for (const std::size_t index : {0U, 1U, 1000U}) {
    std::thread([&] {
      if (!pin_thread(index)) return;  // not allowed here
      cpu_set_t after;
      ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
      EXPECT_EQ(CPU_COUNT(&after), 1);
      cpu_set_t both;
      CPU_AND(&both, &before, &after);
      EXPECT_EQ(CPU_COUNT(&both), 1) << "a CPU that the process may not use";
    }).join();
  }
}

}  // namespace
}  // namespace embedtool
