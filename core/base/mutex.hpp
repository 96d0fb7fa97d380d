#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "core/base/thread_annotations.hpp"

namespace embedtool {

/// std::mutex, annotated so that clang checks who holds it. Held through a MutexLock.
class EMBEDTOOL_CAPABILITY("mutex") Mutex {
 public:
  void lock() EMBEDTOOL_ACQUIRE() { mutex_.lock(); }
  void unlock() EMBEDTOOL_RELEASE() { mutex_.unlock(); }

 private:
  friend class ConditionVariable;
  std::mutex mutex_;
};

/// Holds a mutex from construction to the end of its scope.
class EMBEDTOOL_SCOPED_CAPABILITY MutexLock {
 public:
  [[nodiscard]] explicit MutexLock(Mutex& mutex) EMBEDTOOL_ACQUIRE(mutex) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() EMBEDTOOL_RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// std::condition_variable for a Mutex. The mutex is released during a wait and held again when
/// the wait returns or throws; `ready` is always called with the mutex held. All waits on one
/// variable use the same mutex.
class ConditionVariable {
 public:
  /// Returns once ready() is true.
  template <typename Ready>
  void wait(Mutex& mutex, Ready ready)
      EMBEDTOOL_REQUIRES(mutex) EMBEDTOOL_NO_THREAD_SAFETY_ANALYSIS {
    Borrowed borrowed(mutex.mutex_);
    changed_.wait(borrowed.lock, std::move(ready));
  }

  /// Returns ready() when it is true or the time is up, whichever is first.
  template <typename Rep, typename Period, typename Ready>
  [[nodiscard]] bool wait_for(Mutex& mutex, std::chrono::duration<Rep, Period> time, Ready ready)
      EMBEDTOOL_REQUIRES(mutex) EMBEDTOOL_NO_THREAD_SAFETY_ANALYSIS {
    Borrowed borrowed(mutex.mutex_);
    return changed_.wait_for(borrowed.lock, time, std::move(ready));
  }

  void notify_one() noexcept { changed_.notify_one(); }
  void notify_all() noexcept { changed_.notify_all(); }

 private:
  /// A mutex that the caller holds, as the std::unique_lock that std::condition_variable asks for;
  /// it stays locked at the end.
  struct Borrowed {
    explicit Borrowed(std::mutex& mutex) : lock(mutex, std::adopt_lock) {}
    ~Borrowed() { lock.release(); }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    std::unique_lock<std::mutex> lock;
  };

  std::condition_variable changed_;
};

}  // namespace embedtool
