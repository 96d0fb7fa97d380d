#include "core/pipeline/run_threads.hpp"

#include <utility>

#include "core/base/threads.hpp"

namespace embedtool {

RunThreads::RunThreads(std::size_t slots, std::uint64_t origin_ns, bool trace,
                       const std::atomic<bool>* stop)
    : origin_ns_(origin_ns), trace_(trace), stop_(stop), ring_(slots), threads_([this] {
        wake();
      }) {}

void RunThreads::start(std::string name, Stage first, std::function<void(StageClock&)> body) {
  {
    const MutexLock lock(mutex_);
    ++running_;
  }
  const bool started = threads_.start([this, name, first, body = std::move(body)] {
    /// Counts the thread as ended, however it ends.
    struct Leave {
      RunThreads& threads;
      ~Leave() { threads.leave(); }
    } const leave{*this};
    name_thread(name.c_str());
    StageClock clock(first, origin_ns_);
    TraceLane lane;
    if (trace_) clock.record(&lane);
    body(clock);
    clock.stop();
    const MutexLock lock(mutex_);
    times_.add_thread(name, clock, std::move(lane));
  });
  if (!started) leave();
}

void RunThreads::leave() {
  const MutexLock lock(mutex_);
  --running_;
  changed_.notify_all();
}

void RunThreads::wake() {
  const MutexLock lock(mutex_);
  changed_.notify_all();
}

void RunThreads::post(Job job) {
  const MutexLock lock(mutex_);
  jobs_.push_back(std::move(job));
  changed_.notify_all();
}

JobRunner::Job RunThreads::next_job() {
  if (jobs_.empty()) return nullptr;
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  return job;
}

bool RunThreads::run_one() {
  Job job;
  {
    const MutexLock lock(mutex_);
    job = next_job();
  }
  if (job) job();
  return job != nullptr;
}

void RunThreads::stop() {
  const MutexLock lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

void RunThreads::poll_stop() {
  if (stop_ != nullptr && stop_->load()) stop();
}

bool RunThreads::stopped() const {
  const MutexLock lock(mutex_);
  return stopped_;
}

bool RunThreads::ended_within(std::chrono::nanoseconds time) {
  const MutexLock lock(mutex_);
  return changed_.wait_for(mutex_, time,
                           [this]() EMBEDTOOL_REQUIRES(mutex_) { return running_ == 0; });
}

void RunThreads::join() {
  threads_.join();
}

RunTimes RunThreads::take_times() {
  const MutexLock lock(mutex_);
  return std::move(times_);
}

}  // namespace embedtool
