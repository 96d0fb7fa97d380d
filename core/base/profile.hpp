#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace embedtool {

/// Every second of a thread belongs to exactly one stage. A fixed list: reports, traces and tests
/// share it.
enum class Stage : std::uint8_t {
  read,  ///< input bytes, decompression, parsing
  tokenize,
  plan,    ///< duplicates, sorting, cutting batches
  batch,   ///< building ragged batches ("tensor conversion")
  lookup,  ///< embedding gather
  gemm,
  attention,
  elementwise,  ///< layer norm, residual, activation outside of GEMM
  pool,
  head,  ///< dense layers after pooling
  normalize,
  quantize,  ///< output dtype
  write,     ///< shard encoding, compression, write(2)
  sync,      ///< fsync and rename
  load,      ///< model loading
  idle,      ///< waiting for work
  other,
};
inline constexpr std::size_t kStageCount = static_cast<std::size_t>(Stage::other) + 1;

const char* name_of(Stage stage);

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
  static constexpr std::size_t kBuckets = 64 * 8;
  std::array<std::uint32_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
};

struct StageTotals {
  std::uint64_t wall_ns = 0;
  std::uint64_t cpu_ns = 0;
  std::uint64_t calls = 0;
  DurationHistogram per_call;  ///< wall time of each call

  void merge(const StageTotals& other);
};

using StageTable = std::array<StageTotals, kStageCount>;

/// One thread's account of its own time: at any moment it is in one stage, and enter() charges
/// the wall and CPU time since the last switch to the stage that is being left. So the stages of a
/// thread add up to its life exactly. A clock belongs to the thread that made it.
class StageClock {
 public:
  /// Starts in `first`.
  explicit StageClock(Stage first = Stage::other);

  void enter(Stage next);
  Stage current() const { return current_; }
  /// Ends the current stage and returns the account.
  const StageTable& stop();
  const StageTable& totals() const { return totals_; }

 private:
  Stage current_;
  std::uint64_t wall_ = 0;
  std::uint64_t cpu_ = 0;
  StageTable totals_{};
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

/// CPU time of the whole process so far, user and system, in nanoseconds.
std::uint64_t process_cpu_ns();
/// Monotonic clock, nanoseconds.
std::uint64_t monotonic_ns();

}  // namespace embedtool
