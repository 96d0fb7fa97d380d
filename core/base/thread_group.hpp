#pragma once

#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "core/base/mutex.hpp"

namespace embedtool {

/// Threads that work together. What a thread throws does not end the process: the first exception
/// is kept, the others are told, and join() throws it. start() and join() are called by the owner;
/// failed() from anywhere.
class ThreadGroup {
 public:
  /// `on_failure` is called after an exception was kept, on the thread that threw it: it wakes
  /// those that wait for its work. It must not throw.
  explicit ThreadGroup(std::function<void()> on_failure = {});
  /// Waits for the threads; an exception that nobody joined for is dropped.
  ~ThreadGroup() = default;
  ThreadGroup(const ThreadGroup&) = delete;
  ThreadGroup& operator=(const ThreadGroup&) = delete;

  /// Runs `body` on a new thread. A thread that the system refuses counts as a failure of the
  /// group, since those that run may wait for it; returns false then.
  bool start(std::function<void()> body);
  bool failed() const;
  /// Waits until all threads have ended, then throws the first exception, if there was one.
  void join();

 private:
  void keep(std::exception_ptr error);

  const std::function<void()> on_failure_;
  mutable Mutex mutex_;
  std::exception_ptr first_error_ EMBEDTOOL_GUARDED_BY(mutex_);
  std::vector<std::jthread> threads_;  ///< last: joined before anything else goes
};

}  // namespace embedtool
