#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/pipeline/report.hpp"
#include "core/pipeline/run.hpp"

namespace embedtool {

/// What a metrics file says about a run. Points in time are seconds since 1970.
struct RunMetrics {
  std::string program;  ///< version
  std::string output;   ///< label that tells the files of several jobs apart
  std::string model;    ///< empty while unknown
  bool active = true;
  double started = 0;
  double updated = 0;
  std::optional<double> last_success;  ///< of this run or an earlier one; none = never
  int exit_code = 0;                   ///< once the run has ended
  RunProgress progress;                ///< the counts while it runs
  std::optional<RunReport> report;     ///< the counts once the work is done
};

/// Prometheus' text exposition format, as node_exporter's textfile collector reads it. Every sample
/// is a gauge of one run and carries the label `output`; none carries a time, which the collector
/// refuses. An unknown figure is omitted rather than written as 0.
std::string metrics_text(const RunMetrics& metrics);

/// The last success in an earlier metrics file of embedtool, in seconds since 1970; none if there
/// is none or the text is something else.
std::optional<double> last_success_in(std::string_view text);

}  // namespace embedtool
