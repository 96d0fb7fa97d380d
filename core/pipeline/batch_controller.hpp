#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/base/mutex.hpp"
#include "core/model/encoder.hpp"
#include "core/pipeline/batch_model.hpp"
#include "core/pipeline/report.hpp"
#include "core/pipeline/run_options.hpp"
#include "core/pipeline/tuner.hpp"

namespace embedtool {

/// Decides the limits by which windows are cut into batches: those of the options or, with
/// --batch-size auto, a first choice from the lengths at hand and then a tuner's. Tracks the
/// expected size of the workers' buffers from the largest batch so far. Thread-safe.
class BatchController {
 public:
  /// Both must outlive the controller.
  BatchController(const Encoder& encoder, const RunOptions& options)
      : encoder_(encoder), options_(options) {}

  /// The limits for a window with texts of these lengths.
  BatchLimits limits(std::span<const std::uint32_t> lengths);
  /// A window of these lengths, cut by these limits, took this much CPU time, which other programs
  /// disturb less than wall time.
  void measured(std::span<const std::uint32_t> lengths, const BatchLimits& limits,
                std::uint64_t cpu_ns);
  /// Memory is tight: batches become smaller from the next window on.
  void relieve();

  /// A window's largest batch, known before any of its batches runs.
  void expect(const BatchShape& largest);
  /// The expected size of a worker's buffers so far.
  std::size_t expected_worker_bytes() const;

  void report(RunWork& work) const;

 private:
  const Encoder& encoder_;
  const RunOptions& options_;
  mutable Mutex mutex_;
  std::optional<Tuner> tuner_ EMBEDTOOL_GUARDED_BY(mutex_);
  /// Of all windows so far.
  BatchShape largest_ EMBEDTOOL_GUARDED_BY(mutex_);
  std::size_t expected_worker_bytes_ EMBEDTOOL_GUARDED_BY(mutex_) = 0;
};

}  // namespace embedtool
