#include "core/base/thread_group.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

namespace embedtool {
namespace {

TEST(ThreadGroup, JoinThrowsTheFirstException) {
  std::atomic<int> told{0};
  ThreadGroup group([&] { ++told; });
  group.start([] { throw std::runtime_error("first"); });
  while (!group.failed()) {
  }
  group.start([] { throw std::logic_error("second"); });
  EXPECT_THROW(group.join(), std::runtime_error);
  EXPECT_EQ(told, 2);
  group.join();  // thrown once
}

TEST(ThreadGroup, JoinWaitsForAll) {
  std::atomic<int> done{0};
  ThreadGroup group;
  for (int i = 0; i < 8; ++i) group.start([&] { ++done; });
  group.join();
  EXPECT_EQ(done, 8);
  EXPECT_FALSE(group.failed());
}

TEST(ThreadGroup, AnUnjoinedFailureEndsQuietly) {
  ThreadGroup group;
  group.start([] { throw std::runtime_error("nobody asks"); });
}

}  // namespace
}  // namespace embedtool
