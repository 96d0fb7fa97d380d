#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "core/base/jobs.hpp"
#include "core/base/mutex.hpp"
#include "core/base/profile.hpp"
#include "core/base/thread_group.hpp"
#include "core/pipeline/report.hpp"
#include "core/pipeline/window_ring.hpp"

namespace embedtool {

/// The threads of one run and the ring that tells each of them which window is its own. They wait
/// here for their turn and end early together: after stop(), or when one of them has thrown.
/// Those that ask for it run jobs, too. Thread-safe, but for start(), join() and take_times(),
/// which are the owner's.
class RunThreads final : public JobRunner {
 public:
  /// A ring of `slots` windows. Timelines begin at `origin_ns`; `trace` keeps each thread's events.
  /// `stop` is set from outside, by a signal say; it may be null.
  RunThreads(std::size_t slots, std::uint64_t origin_ns, bool trace, const std::atomic<bool>* stop);

  /// Runs `body(clock)` on a new thread of that name, whose clock begins in `first`.
  void start(std::string name, Stage first, std::function<void(StageClock&)> body);
  /// Waits in Stage::idle until `ready(ring)`, which is called with the ring locked. False if the
  /// run ends early instead.
  template <typename Ready>
  bool wait(StageClock& clock, const Ready& ready);
  /// The same, but ends for a job as well, which is then in `job`.
  template <typename Ready>
  bool wait_or_take(StageClock& clock, const Ready& ready, Job& job);
  /// Returns `step(ring)`, which is called with the ring locked.
  template <typename Step>
  auto locked(const Step& step);
  /// Does the same, and wakes the threads that wait for a turn.
  template <typename Step>
  auto update(const Step& step);

  void post(Job job) override;
  bool run_one() override;

  /// No thread begins anything new. Jobs that wait are left to run_one().
  void stop();
  /// Stops if the flag from outside is set.
  void poll_stop();
  bool stopped() const;
  /// Waits for at most `time`; true if no thread is running any more.
  [[nodiscard]] bool ended_within(std::chrono::nanoseconds time);
  /// Waits for all threads, then throws the first exception of any of them.
  void join();
  /// The accounts of the threads that have ended without an exception; call after join().
  RunTimes take_times();

 private:
  bool ending() const EMBEDTOOL_REQUIRES(mutex_) { return stopped_ || threads_.failed(); }
  /// Null if no job waits for its turn.
  Job next_job() EMBEDTOOL_REQUIRES(mutex_);
  void leave();
  void wake();

  const std::uint64_t origin_ns_;
  const bool trace_;
  const std::atomic<bool>* const stop_;

  mutable Mutex mutex_;
  ConditionVariable changed_;
  WindowRing ring_ EMBEDTOOL_GUARDED_BY(mutex_);
  std::deque<Job> jobs_ EMBEDTOOL_GUARDED_BY(mutex_);
  bool stopped_ EMBEDTOOL_GUARDED_BY(mutex_) = false;
  std::size_t running_ EMBEDTOOL_GUARDED_BY(mutex_) = 0;
  RunTimes times_ EMBEDTOOL_GUARDED_BY(mutex_);
  ThreadGroup threads_;  ///< last: its threads use all that is above
};

template <typename Ready>
bool RunThreads::wait(StageClock& clock, const Ready& ready) {
  std::optional<StageScope> idle;
  if (clock.current() != Stage::idle) idle.emplace(clock, Stage::idle);
  const MutexLock lock(mutex_);
  bool is_ready = false;
  changed_.wait(mutex_, [&]() EMBEDTOOL_REQUIRES(mutex_) {
    if (ending()) return true;
    is_ready = ready(ring_);
    return is_ready;
  });
  return is_ready;
}

// Jobs go first: they are short, and a window is freed by them.
template <typename Ready>
bool RunThreads::wait_or_take(StageClock& clock, const Ready& ready, Job& job) {
  return wait(clock, [&](WindowRing& ring) EMBEDTOOL_REQUIRES(mutex_) {
    job = next_job();
    return job != nullptr || ready(ring);
  });
}

template <typename Step>
auto RunThreads::locked(const Step& step) {
  const MutexLock lock(mutex_);
  return step(ring_);
}

template <typename Step>
auto RunThreads::update(const Step& step) {
  const MutexLock lock(mutex_);
  changed_.notify_all();  // they go on when the lock is released
  return step(ring_);
}

}  // namespace embedtool
