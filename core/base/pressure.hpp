#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace embedtool {

/// Reports when memory is getting tight: when this process's control groups were throttled or hit
/// their limit since the last check (memory.events: high, max), or when tasks waited for memory for
/// a tenth of the last ten seconds (PSI: memory.pressure, /proc/pressure/memory). If the kernel
/// reports neither, it is never tight. Not thread-safe.
class PressureGauge {
 public:
  PressureGauge();

  /// Reads the kernel's files about once a second and returns false in between.
  bool is_tight(std::uint64_t now_ns);

 private:
  std::uint64_t events() const;
  bool stalled() const;

  std::vector<std::string> event_files_;
  std::vector<std::string> stall_files_;
  std::uint64_t events_seen_ = 0;
  std::uint64_t looked_ns_ = 0;
};

/// Sum of the counts of `high` and `max` in a memory.events file's text.
std::uint64_t memory_events_in(std::string_view text);
/// avg10 of the line "some" in a pressure file's text, in percent; 0 where there is none.
double stalled_percent_in(std::string_view text);

}  // namespace embedtool
