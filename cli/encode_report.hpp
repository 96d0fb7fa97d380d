#pragma once

#include <cstddef>
#include <string>

#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "core/pipeline/report.hpp"
#include "formats/output/run_identity.hpp"
#include "formats/report/report.hpp"

namespace CLI {
class App;
}

namespace embedtool {

/// Where a run's account goes beside the output; empty = nowhere.
struct ReportFiles {
  std::string report;  ///< a .html name is a page, anything else is JSON
  std::string trace;
};
void declare_report(CLI::App& app, ReportFiles& files);

/// What a report says beside the account, without settings.
ReportContext base_context(const RunIdentity& identity, const Session& session);

/// Writes the report and the trace; `name` is the output's.
void publish_report(const ReportFiles& files, const RunReport& report, const std::string& json,
                    const std::string& name, const Session& session);

/// What the figures suggest doing.
void advise(const RunReport& report, std::size_t max_tokens, Console& console);

/// The short table, or its first line with figures in a JSON log.
void summarise(const RunReport& report, std::size_t cpus, Console& console);

}  // namespace embedtool
