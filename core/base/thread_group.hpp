#pragma once

#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "core/base/mutex.hpp"

namespace embedtool {

/// Threads that work together. An exception in a thread does not end the process: the first one is
/// kept, the others are notified, and join() throws it. start() and join() are called by the owner;
/// failed() from anywhere.
class ThreadGroup {
 public:
  /// `on_failure` is called after an exception is stored, on the thread that threw it, to wake the
  /// threads that wait for its work. It must not throw.
  explicit ThreadGroup(std::function<void()> on_failure = {});
  /// Waits for the threads; an exception that join() has not thrown is dropped.
  ~ThreadGroup() = default;
  ThreadGroup(const ThreadGroup&) = delete;
  ThreadGroup& operator=(const ThreadGroup&) = delete;

  /// Runs `body` on a new thread. If the system refuses the thread, the group has failed, because
  /// the other threads may wait for it; returns false then.
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
