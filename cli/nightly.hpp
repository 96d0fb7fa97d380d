#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/console.hpp"
#include "cli/reuse_setup.hpp"
#include "core/pipeline/report.hpp"
#include "formats/output/output_changes.hpp"
#include "formats/output/run_output.hpp"

namespace CLI {
class App;
}

namespace embedtool {

/// What a job that runs every night does with its output besides writing it.
struct NightlyPlan {
  std::string changes;   ///< file for the feed of changes; empty = none
  std::string link;      ///< link to swap; empty = none
  std::size_t keep = 0;  ///< outputs to keep; 0 = all
};
void declare_nightly(CLI::App& app, NightlyPlan& plan);
/// Pure: throws Error(usage) for flags that do not fit each other.
void check_nightly(const NightlyPlan& plan, const ReusePlan& reuse, const OutputPlan& output,
                   OutputFormat to);
/// Looks at the places that will be written, before any work.
void check_nightly_places(const NightlyPlan& plan, const OutputPlan& output);

/// "3 inserted, 1 updated, …"
std::string describe_changes(const ChangeCounts& counts);

/// Swaps the link to the complete output and removes older ones, as far as the plan says so.
void publish_nightly(const NightlyPlan& plan, const OutputPlan& output, Console& console);

}  // namespace embedtool
