#pragma once

#include <cstdint>
#include <string>

#include "cli/console.hpp"
#include "core/base/error.hpp"
#include "formats/report/metrics.hpp"

namespace embedtool {

/// `--metrics-file`: the file that tells a monitoring system how a run is doing, from its start to
/// its end, whatever that end is. Without a path nothing is done. Not thread-safe: all calls come
/// from the main thread.
class MetricsFile {
 public:
  /// Writes the file for the first time, so that one that cannot be written shows before any work
  /// is done: throws Error(failed). `output` names the job.
  MetricsFile(std::string path, const std::string& output, Console& console);

  void set_model(const std::string& name) { metrics_.model = name; }
  /// Writes anew when the last time is some seconds ago. A failure is one warning, not an end.
  void update(const RunProgress& progress);
  /// The work is done; not written before finish().
  void set_report(const RunReport& report);
  /// The run ends so.
  void finish(int exit_code);

 private:
  bool enabled() const { return !path_.empty(); }
  void write();

  std::string path_;
  Console& console_;
  RunMetrics metrics_;
  std::uint64_t written_ns_ = 0;
  bool warned_ = false;
};

}  // namespace embedtool
