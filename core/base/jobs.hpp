#pragma once

#include <cstddef>
#include <exception>
#include <functional>

#include "core/base/mutex.hpp"

namespace embedtool {

/// Threads that run short jobs of others besides their own work. Thread-safe.
class JobRunner {
 public:
  using Job = std::function<void()>;

  virtual ~JobRunner() = default;
  /// `job` runs once, on any thread, now or later. It must neither throw nor wait for another job.
  virtual void post(Job job) = 0;
  /// Runs a job that waits for its turn, on this thread; false if none does.
  virtual bool run_one() = 0;
};

/// Jobs that their owner waits for. Without a runner they run at once, in add(), which then throws
/// what they throw. For one thread, but for the jobs themselves.
class JobSet {
 public:
  JobSet() = default;
  /// Waits; an exception that wait() has not thrown is dropped.
  ~JobSet();
  JobSet(const JobSet&) = delete;
  JobSet& operator=(const JobSet&) = delete;

  /// Jobs added from now on run there, or at once if it is null. Waits for those before.
  void set_runner(JobRunner* runner);
  /// What `job` uses must stay as it is until wait() has returned.
  void add(JobRunner::Job job);
  /// Runs jobs until those of this set are done; then throws the first exception of any of them.
  void wait();

 private:
  void run(const JobRunner::Job& job);
  void wait_for_all();
  bool done();

  JobRunner* runner_ = nullptr;
  Mutex mutex_;
  ConditionVariable changed_;
  std::size_t pending_ EMBEDTOOL_GUARDED_BY(mutex_) = 0;
  std::exception_ptr error_ EMBEDTOOL_GUARDED_BY(mutex_);
};

}  // namespace embedtool
