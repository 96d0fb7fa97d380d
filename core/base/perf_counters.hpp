#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace embedtool {

/// Hardware events of the whole process, as the CPU counted them. Each may be missing: a virtual
/// machine often has none, and kernels hide them from ordinary users.
struct PerfCounts {
  std::optional<std::uint64_t> instructions;
  std::optional<std::uint64_t> cycles;
  std::optional<std::uint64_t> cache_misses;
  std::string why_not;  ///< the reason, where one is missing
};

/// Counts from construction on, in user mode, in this thread and all threads it starts afterwards.
class PerfCounters {
 public:
  PerfCounters();
  ~PerfCounters();
  PerfCounters(const PerfCounters&) = delete;
  PerfCounters& operator=(const PerfCounters&) = delete;

  /// Scaled up if the kernel multiplexed the counters. Threads are counted once they have ended.
  PerfCounts read() const;

 private:
  std::array<int, 3> fds_{-1, -1, -1};
  int error_ = 0;  ///< errno of the last that could not be opened
};

}  // namespace embedtool
