#include "core/pipeline/batch_controller.hpp"

namespace embedtool {

BatchLimits BatchController::limits(std::span<const std::uint32_t> lengths) {
  if (!options_.auto_batch) return options_.batch;
  const MutexLock lock(mutex_);
  if (!tuner_) {
    if (lengths.empty()) return options_.batch;
    const BatchChoice choice =
        choose_batch(lengths, encoder_, options_.threads, options_.batch, options_.batch_memory);
    tuner_.emplace(choice.start, choice.most);
  }
  return tuner_->next();
}

// Per unit of work, so that windows of longer texts compare with windows of shorter ones.
void BatchController::measured(std::span<const std::uint32_t> lengths, const BatchLimits& limits,
                               std::uint64_t cpu_ns) {
  const MutexLock lock(mutex_);
  if (!tuner_) return;
  const double work = encode_work(encoder_, lengths);
  if (work > 0) tuner_->measured(limits, static_cast<double>(cpu_ns) / work);
}

void BatchController::relieve() {
  const MutexLock lock(mutex_);
  if (tuner_) tuner_->relieve();
}

void BatchController::expect(const BatchShape& largest) {
  const MutexLock lock(mutex_);
  widen(largest_, largest);
  expected_worker_bytes_ = worker_bytes(encoder_, largest_);
}

std::size_t BatchController::expected_worker_bytes() const {
  const MutexLock lock(mutex_);
  return expected_worker_bytes_;
}

void BatchController::report(RunWork& work) const {
  const MutexLock lock(mutex_);
  work.limits = tuner_ ? tuner_->choice() : options_.batch;
  if (tuner_) work.tuning = tuner_->history();
}

}  // namespace embedtool
