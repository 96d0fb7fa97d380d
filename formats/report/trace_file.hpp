#pragma once

#include <cstdint>
#include <string>

#include "core/pipeline/report.hpp"

namespace embedtool {

/// Writes what a run's threads did in Chrome's trace event format (the JSON object form) for
/// Perfetto and chrome://tracing: one lane per thread with its windows and batches and, below them,
/// its stages; memory and throughput as counters. Times are microseconds since `origin_ns`, the
/// program's start. Complete or not at all; throws Error(failed).
void write_trace(const std::string& path, const RunReport& report, std::uint64_t origin_ns);

}  // namespace embedtool
