#include "core/base/mutex.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace embedtool {
namespace {

using std::chrono::milliseconds, std::chrono::hours;

/// Counts up; callers may wait for a value.
class Counter {
 public:
  void increment() {
    const MutexLock lock(mutex_);
    ++value_;
    changed_.notify_all();
  }
  void wait_until(int value) {
    const MutexLock lock(mutex_);
    changed_.wait(mutex_, [&]() EMBEDTOOL_REQUIRES(mutex_) { return value_ >= value; });
  }
  template <typename Duration>
  bool wait_for(int value, Duration time) {
    const MutexLock lock(mutex_);
    return changed_.wait_for(mutex_, time,
                             [&]() EMBEDTOOL_REQUIRES(mutex_) { return value_ >= value; });
  }
  void wait_and_throw() {
    const MutexLock lock(mutex_);
    changed_.wait(mutex_, []() -> bool { throw std::runtime_error("ready() failed"); });
  }
  int value() const {
    const MutexLock lock(mutex_);
    return value_;
  }

 private:
  mutable Mutex mutex_;
  ConditionVariable changed_;
  int value_ EMBEDTOOL_GUARDED_BY(mutex_) = 0;
};

TEST(Mutex, NoIncrementIsLost) {
  constexpr int kThreads = 4, kIncrements = 5000;
  Counter counter;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&counter] {
        for (int n = 0; n < kIncrements; ++n) counter.increment();
      });
    }
  }
  EXPECT_EQ(counter.value(), kThreads * kIncrements);
}

TEST(ConditionVariable, AWaitEndsWhenItsConditionHolds) {
  Counter counter;
  std::jthread other([&counter] {
    counter.wait_until(1);  // would never return if the waiting thread kept the mutex
    counter.increment();
  });
  counter.increment();
  counter.wait_until(2);
  EXPECT_EQ(counter.value(), 2);
}

TEST(ConditionVariable, ATimedWaitSaysWhetherItsConditionHolds) {
  Counter counter;
  EXPECT_FALSE(counter.wait_for(1, milliseconds(1)));
  counter.increment();
  EXPECT_TRUE(counter.wait_for(1, hours(1)));
}

TEST(ConditionVariable, TheMutexIsReleasedOnceWhenTheConditionThrows) {
  Counter counter;
  EXPECT_THROW(counter.wait_and_throw(), std::runtime_error);
  counter.increment();  // would deadlock if the mutex were still held
  EXPECT_EQ(counter.value(), 1);
}

}  // namespace
}  // namespace embedtool
