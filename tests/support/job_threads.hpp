#pragma once

#include <cstddef>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/jobs.hpp"
#include "core/base/mutex.hpp"

namespace embedtool::testing {

/// Threads that do nothing but run jobs.
class JobThreads final : public JobRunner {
 public:
  explicit JobThreads(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
  }
  ~JobThreads() override {
    const MutexLock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  void post(Job job) override {
    const MutexLock lock(mutex_);
    jobs_.push_back(std::move(job));
    changed_.notify_one();
  }
  bool run_one() override {
    Job job;
    {
      const MutexLock lock(mutex_);
      if (jobs_.empty()) return false;
      job = take();
    }
    job();
    return true;
  }

 private:
  Job take() EMBEDTOOL_REQUIRES(mutex_) {
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
  }
  void work() {
    while (true) {
      Job job;
      {
        const MutexLock lock(mutex_);
        changed_.wait(mutex_,
                      [this]() EMBEDTOOL_REQUIRES(mutex_) { return ended_ || !jobs_.empty(); });
        if (jobs_.empty()) return;
        job = take();
      }
      job();
    }
  }

  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<Job> jobs_ EMBEDTOOL_GUARDED_BY(mutex_);
  bool ended_ EMBEDTOOL_GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> threads_;  ///< last: they use all that is above
};

}  // namespace embedtool::testing
