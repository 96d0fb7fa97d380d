#pragma once

// The parts of report.json that explain a run: where memory was, how near the machine's limits it
// came, how batches were cut, what happened when. Each is one member of the report; formats/report
// puts them together, and the manual page embedtool-report(1) says what their fields mean.

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/pipeline/report.hpp"

namespace embedtool {

nlohmann::ordered_json memory_section(const RunReport& report);
/// How much of the time no stage explains.
nlohmann::ordered_json accounting_section(const RunReport& report, std::uint64_t startup_cpu_ns);
/// What was achieved against the peaks that were measured.
nlohmann::ordered_json roofline_section(const RunReport& report);
nlohmann::ordered_json counters_section(const PerfCounts& counters);
nlohmann::ordered_json batching_section(const RunReport& report);
nlohmann::ordered_json timeline_section(const RunReport& report);

/// What to change to go faster, most worthwhile first: sentences for people, made from the figures.
std::vector<std::string> report_advice(const RunReport& report, std::size_t cpus);

}  // namespace embedtool
