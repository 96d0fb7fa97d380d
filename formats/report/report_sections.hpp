#pragma once

// The parts of report.json that explain a run: where memory went, how close the run came to the
// machine's limits, how batches were cut, and what happened when. Each is one member of the report;
// formats/report combines them, and embedtool-report(1) documents their fields.

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/pipeline/report.hpp"

namespace embedtool {

nlohmann::ordered_json memory_section(const RunReport& report);
/// The share of the time that is not attributed to any stage.
nlohmann::ordered_json accounting_section(const RunReport& report, std::uint64_t startup_cpu_ns);
/// What was achieved, compared with the measured peaks.
nlohmann::ordered_json roofline_section(const RunReport& report);
nlohmann::ordered_json counters_section(const PerfCounts& counters);
nlohmann::ordered_json batching_section(const RunReport& report);
nlohmann::ordered_json timeline_section(const RunReport& report);

/// What to change for more speed, most worthwhile first: sentences for people, derived from the
/// figures.
std::vector<std::string> report_advice(const RunReport& report, std::size_t cpus);

}  // namespace embedtool
