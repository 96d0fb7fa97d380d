#pragma once

#include <cstdint>
#include <string>

#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/model_setup.hpp"
#include "core/base/perf_counters.hpp"
#include "core/data.hpp"
#include "core/pipeline/report.hpp"
#include "core/pipeline/run.hpp"
#include "formats/report/report.hpp"

namespace embedtool {

/// Where a run's account goes beside the output. As typed.
struct ReportFlags {
  std::string report;  ///< a .html name is a page, anything else is JSON; empty = none
  std::string trace;
};
void declare_report(CLI::App& app, ReportFlags& flags);

/// Adds what run() cannot know: the whole process's figures and names. Ends the session's clock.
void complete_report(RunReport& report, Session& session, const ReadyModel& model,
                     const PerfCounters& counters);

/// Measures what the machine can do, where somebody is going to look at it or the run was so long
/// that it does not count; else the report says why not. `may_use` bounds the memory; 0 = no limit.
void add_peaks(RunReport& report, const ReadyModel& model, bool wanted, std::uint64_t may_use);

/// What a report says beside the account, without settings.
ReportContext base_context(const ReadyModel& model, OutputType type, const Session& session);

/// Writes the report and the trace where the flags say; `name` is the output's.
void publish_report(const ReportFlags& flags, const RunReport& report, const std::string& json,
                    const std::string& name, const Session& session);

/// What the figures suggest doing.
void advise(const RunReport& report, const ReadyModel& model, Console& console);

/// The short table, or its first line with figures in a JSON log.
void summarise(const RunReport& report, std::size_t cpus, Console& console);

}  // namespace embedtool
