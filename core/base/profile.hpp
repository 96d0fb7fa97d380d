#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "core/base/log_buckets.hpp"
#include "core/base/stage.hpp"
#include "core/base/timeline.hpp"
#include "core/base/trace.hpp"

namespace embedtool {

/// Durations of one kind of event, in logarithmic buckets (8 per octave: quantiles within 9 %).
/// Fixed size, no allocation; not thread-safe, merged after the threads have ended.
class DurationHistogram {
 public:
  void add(std::uint64_t nanoseconds);
  void merge(const DurationHistogram& other);
  std::uint64_t count() const { return count_; }
  /// Upper bound of the bucket that holds quantile q (0..1), in nanoseconds; 0 when empty.
  std::uint64_t quantile(double q) const;

 private:
  std::array<std::uint32_t, LogBuckets::kCount> buckets_{};
  std::uint64_t count_ = 0;
};

struct StageTotals {
  std::uint64_t wall_ns = 0;
  std::uint64_t cpu_ns = 0;
  std::uint64_t calls = 0;
  DurationHistogram per_call;   ///< wall time of each call
  DurationHistogram per_batch;  ///< wall time that each batch spent in it

  void merge(const StageTotals& other);
};

/// Time spent in every stage. Kept on the heap: its histograms take 70 kB. A main thread's stack
/// that has to grow late in a run may fail to where the address space is limited, which kills the
/// process. Not thread-safe.
class StageTable {
 public:
  StageTotals& operator[](Stage stage) { return totals_[static_cast<std::size_t>(stage)]; }
  const StageTotals& operator[](Stage stage) const {
    return totals_[static_cast<std::size_t>(stage)];
  }
  auto begin() const { return totals_.begin(); }
  auto end() const { return totals_.end(); }

  void merge(const StageTable& other);

 private:
  std::vector<StageTotals> totals_ = std::vector<StageTotals>(kStageCount);  ///< by Stage
};

/// Accounts for one thread's time. At any moment the thread is in one stage; enter() charges the
/// wall and CPU time since the last switch to the stage being left. So the stages of a thread add
/// up to its life: in wall time exactly, in CPU time to the last switches, since spans of a few
/// microseconds count as computed from end to end. A clock belongs to the thread that created it.
class StageClock {
 public:
  /// Starts in `first`. Its timeline begins at `origin_ns` (monotonic_ns()); 0 = now.
  explicit StageClock(Stage first = Stage::other, std::uint64_t origin_ns = 0);

  void enter(Stage next);
  /// The same where the clock is in another stage. What an operation does first: the time from then
  /// on is charged to its stage, and operations of one stage in a row are one call of it.
  void charge_to(Stage stage) {
    if (current_ != stage) enter(stage);
  }
  Stage current() const { return current_; }
  /// Ends the current stage and returns the account.
  const StageTable& stop();
  const StageTable& totals() const { return totals_; }
  const Timeline& timeline() const { return timeline_; }

  /// Charges CPU time of helper threads that have no account of their own to a stage.
  void charge_cpu(Stage stage, std::uint64_t cpu_ns) { totals_[stage].cpu_ns += cpu_ns; }
  /// From now on every switch is also recorded in `lane`, unless it is null. The lane must outlive
  /// the clock.
  void record(TraceLane* lane) { lane_ = lane; }
  TraceLane* lane() const { return lane_; }

  /// The time between these two calls is one batch: each stage's share goes to its `per_batch`. The
  /// batch begins in stage `first`; `next` follows it.
  void begin_batch(Stage first);
  void end_batch(Stage next);
  /// Wall and CPU time of the last batch.
  std::uint64_t batch_wall_ns() const { return batch_wall_; }
  std::uint64_t batch_cpu_ns() const { return batch_cpu_; }

 private:
  std::thread::id owner_ = std::this_thread::get_id();
  Stage current_;
  std::uint64_t wall_ = 0;
  std::uint64_t cpu_ = 0;
  StageTable totals_;
  Timeline timeline_;
  TraceLane* lane_ = nullptr;
  std::array<std::uint64_t, kStageCount> before_batch_{};  ///< totals' wall time
  std::uint64_t batch_wall_ = 0;
  std::uint64_t batch_cpu_ = 0;
};

/// Enters a stage for a scope and returns to the stage before.
class StageScope {
 public:
  StageScope(StageClock& clock, Stage stage) : clock_(clock), before_(clock.current()) {
    clock_.enter(stage);
  }
  ~StageScope() { clock_.enter(before_); }
  StageScope(const StageScope&) = delete;
  StageScope& operator=(const StageScope&) = delete;

 private:
  StageClock& clock_;
  Stage before_;
};

/// CPU time of the calling thread so far, in nanoseconds.
std::uint64_t thread_cpu_ns();
/// CPU time of the whole process so far, user and system, in nanoseconds.
std::uint64_t process_cpu_ns();
/// Monotonic clock, nanoseconds.
std::uint64_t monotonic_ns();

}  // namespace embedtool
