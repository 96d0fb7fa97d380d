#include "core/base/jobs.hpp"

#include <utility>

namespace embedtool {

JobSet::~JobSet() {
  wait_for_all();
}

void JobSet::set_runner(JobRunner* runner) {
  wait_for_all();
  runner_ = runner;
}

void JobSet::add(JobRunner::Job job) {
  if (runner_ == nullptr) return job();
  {
    const MutexLock lock(mutex_);
    ++pending_;
  }
  try {
    runner_->post([this, job = std::move(job)] { run(job); });
  } catch (...) {
    const MutexLock lock(mutex_);
    --pending_;
    throw;
  }
}

void JobSet::run(const JobRunner::Job& job) {
  std::exception_ptr error;
  try {
    job();
  } catch (...) {
    error = std::current_exception();
  }
  // Under the lock: when it is released, the owner may be gone.
  const MutexLock lock(mutex_);
  if (!error_) error_ = std::move(error);
  if (--pending_ == 0) changed_.notify_all();
}

bool JobSet::done() {
  const MutexLock lock(mutex_);
  return pending_ == 0;
}

// Others' jobs may be among those that run here: whose turn it is makes no difference.
void JobSet::wait_for_all() {
  while (!done()) {
    if (runner_->run_one()) continue;
    // No job waits for its turn: ours are under way.
    const MutexLock lock(mutex_);
    changed_.wait(mutex_, [this]() EMBEDTOOL_REQUIRES(mutex_) { return pending_ == 0; });
  }
}

void JobSet::wait() {
  wait_for_all();
  std::exception_ptr error;
  {
    const MutexLock lock(mutex_);
    error = std::exchange(error_, nullptr);
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace embedtool
