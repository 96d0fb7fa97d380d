#include "core/pipeline/run_monitor.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/memory.hpp"
#include "core/base/profile.hpp"

namespace embedtool {

RunMonitor::RunMonitor(std::uint64_t origin_ns, std::function<Reading()> read)
    : origin_ns_(origin_ns), read_(std::move(read)) {}

void RunMonitor::watch(RunThreads& threads, BatchController& batches, const RunOptions& options) {
  constexpr std::chrono::nanoseconds kTick = std::chrono::milliseconds(100);
  std::uint64_t shown_ns = 0;
  while (!threads.ended_within(std::min(kTick, std::chrono::nanoseconds(series_.period_ns())))) {
    take_sample();
    const std::uint64_t now = monotonic_ns();
    if (now - shown_ns < static_cast<std::uint64_t>(kTick.count())) continue;
    shown_ns = now;
    if (pressure_.is_tight(now)) batches.relieve();
    if (options.progress) options.progress(read_().progress);
    threads.poll_stop();
  }
  take_sample();
}

void RunMonitor::take_sample() {
  const std::uint64_t time = monotonic_ns() - origin_ns_;
  if (!series_.due(time)) return;
  const ProcessMemory memory = process_memory();
  const Reading reading = read_();
  series_.add({time, reading.tokens_computed, reading.progress.rows_written, memory.resident,
               memory.resident_file});
}

}  // namespace embedtool
