#include "core/base/profile.hpp"

#include <time.h>

#include <algorithm>

#include "core/base/check.hpp"

namespace embedtool {
namespace {

std::uint64_t read_clock(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_nsec);
}

/// Spans shorter than this count as computed from end to end. Reading a thread's CPU time takes a
/// system call, 0.6 µs where the monotonic clock takes 0.05, and a static model's batch has six
/// spans in 60 µs. What was off the CPU all the same comes off the next long span.
constexpr std::uint64_t kShortSpan = 20'000;

}  // namespace

void DurationHistogram::add(std::uint64_t nanoseconds) {
  ++buckets_[LogBuckets::of(nanoseconds)];
  ++count_;
}

void DurationHistogram::merge(const DurationHistogram& other) {
  for (std::size_t i = 0; i < LogBuckets::kCount; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
}

std::uint64_t DurationHistogram::quantile(double q) const {
  if (count_ == 0) return 0;
  const auto rank = static_cast<std::uint64_t>(q * static_cast<double>(count_ - 1));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < LogBuckets::kCount; ++i) {
    seen += buckets_[i];
    if (seen > rank) return LogBuckets::end(i) - 1;
  }
  return LogBuckets::end(LogBuckets::kCount - 1) - 1;
}

void StageTotals::merge(const StageTotals& other) {
  wall_ns += other.wall_ns;
  cpu_ns += other.cpu_ns;
  calls += other.calls;
  per_call.merge(other.per_call);
  per_batch.merge(other.per_batch);
}

void StageTable::merge(const StageTable& other) {
  for (std::size_t i = 0; i < totals_.size(); ++i) totals_[i].merge(other.totals_[i]);
}

StageClock::StageClock(Stage first, std::uint64_t origin_ns)
    : current_(first),
      wall_(monotonic_ns()),
      cpu_(thread_cpu_ns()),
      timeline_(origin_ns == 0 ? wall_ : origin_ns) {}

void StageClock::enter(Stage next) {
  EMBEDTOOL_CHECK(owner_ == std::this_thread::get_id());
  const std::uint64_t wall = monotonic_ns();
  const bool is_short = wall - wall_ < kShortSpan && current_ != Stage::idle;
  const std::uint64_t cpu = is_short ? cpu_ + (wall - wall_) : std::max(cpu_, thread_cpu_ns());
  StageTotals& left = totals_[current_];
  left.wall_ns += wall - wall_;
  left.cpu_ns += cpu - cpu_;
  ++left.calls;
  left.per_call.add(wall - wall_);
  timeline_.add(current_, wall_, wall);
  if (lane_ != nullptr) lane_->add(TraceSpan{wall_, wall, current_});
  wall_ = wall;
  cpu_ = cpu;
  current_ = next;
}

void StageClock::begin_batch(Stage first) {
  enter(first);
  std::uint64_t wall = 0;
  std::uint64_t cpu = 0;
  for (std::size_t s = 0; s < kStageCount; ++s) {
    const StageTotals& totals = totals_[static_cast<Stage>(s)];
    before_batch_[s] = totals.wall_ns;
    wall += totals.wall_ns;
    cpu += totals.cpu_ns;
  }
  batch_wall_ = wall;
  batch_cpu_ = cpu;
}

void StageClock::end_batch(Stage next) {
  enter(next);
  std::uint64_t wall = 0;
  std::uint64_t cpu = 0;
  for (std::size_t s = 0; s < kStageCount; ++s) {
    StageTotals& totals = totals_[static_cast<Stage>(s)];
    wall += totals.wall_ns;
    cpu += totals.cpu_ns;
    const std::uint64_t share = totals.wall_ns - before_batch_[s];
    if (share > 0) totals.per_batch.add(share);
  }
  batch_wall_ = wall - batch_wall_;
  batch_cpu_ = cpu - batch_cpu_;
}

const StageTable& StageClock::stop() {
  enter(current_);
  return totals_;
}

std::uint64_t thread_cpu_ns() {
  return read_clock(CLOCK_THREAD_CPUTIME_ID);
}
std::uint64_t process_cpu_ns() {
  return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}
std::uint64_t monotonic_ns() {
  return read_clock(CLOCK_MONOTONIC);
}

}  // namespace embedtool
