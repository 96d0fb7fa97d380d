#pragma once

#include <cstdint>
#include <functional>

#include "core/base/pressure.hpp"
#include "core/base/run_series.hpp"
#include "core/pipeline/batch_controller.hpp"
#include "core/pipeline/run_options.hpp"
#include "core/pipeline/run_threads.hpp"

namespace embedtool {

/// What the calling thread does while a run's threads work: samples throughput and memory, shows
/// progress, has batches made smaller when memory is tight, and passes a stop on.
class RunMonitor {
 public:
  struct Reading {
    RunProgress progress;
    std::uint64_t tokens_computed = 0;  ///< batch by batch, so ahead of the progress
  };

  /// `read` is called a few times a second. Times of samples count from `origin_ns`.
  RunMonitor(std::uint64_t origin_ns, std::function<Reading()> read);

  /// Returns when all threads have ended. Throws what the progress display throws.
  void watch(RunThreads& threads, BatchController& batches, const RunOptions& options);
  const RunSeries& series() const { return series_; }

 private:
  void take_sample();

  const std::uint64_t origin_ns_;
  const std::function<Reading()> read_;
  RunSeries series_;
  PressureGauge pressure_;
};

}  // namespace embedtool
