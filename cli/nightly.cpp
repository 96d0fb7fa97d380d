#include "cli/nightly.hpp"

#include <fmt/core.h>

#include "cli/early_checks.hpp"
#include "cli/flags.hpp"
#include "core/base/error.hpp"
#include "core/base/human.hpp"
#include "formats/output/output_link.hpp"

namespace embedtool {

void declare_nightly(CLI::App& app, NightlyPlan& plan) {
  FlagGroup group(app, "Reuse");
  group.path("--changes", plan.changes, "FILE",
             "Write what changed since the first --reuse output: .parquet or .jsonl");
  group.path("--link", plan.link, "NAME",
             "Make this symbolic link lead to the output once it is complete");
  group.count("--keep-outputs", plan.keep,
              "Remove older outputs that --link led to, all but the newest N");
}

void check_nightly(const NightlyPlan& plan, const ReusePlan& reuse, const OutputPlan& output,
                   OutputFormat to) {
  if (!plan.changes.empty()) {
    is_change_table("--changes", plan.changes);
    if (reuse.outputs.empty()) {
      throw Error(ExitCode::usage,
                  "--changes is for --reuse, which names the earlier output; `embedtool diff` "
                  "compares any two");
    }
    if (to != OutputFormat::parquet) {
      throw Error(ExitCode::usage, "--changes is for --to parquet; {} cannot be compared",
                  name_of(to));
    }
    if (reuse.mismatch == ReuseMismatch::encode) {
      throw Error(
          ExitCode::usage,
          "--changes: vectors of another space replace all of an index, so there is no feed "
          "to write; leave out --changes or --reuse-mismatch encode");
    }
  }
  if (!plan.link.empty() && output.to_stdout()) {
    throw Error(ExitCode::usage, "--link leads to a directory; give one with -o");
  }
  if (plan.keep > 0 && plan.link.empty()) {
    throw Error(ExitCode::usage,
                "--keep-outputs removes outputs that --link led to; give that link as well");
  }
}

void check_nightly_places(const NightlyPlan& plan, const OutputPlan& output) {
  // The output's own folder may not be there yet.
  if (!plan.changes.starts_with(output.path + "/")) check_destination("--changes", plan.changes);
  if (!plan.link.empty()) check_link(plan.link, output.path);
}

std::string describe_changes(const ChangeCounts& counts) {
  std::string text = fmt::format("{} inserted, {} updated, {} deleted, {} unchanged",
                                 human_count(counts.inserted), human_count(counts.updated),
                                 human_count(counts.deleted), human_count(counts.unchanged));
  if (counts.ambiguous > 0) {
    text += fmt::format("; ids shared by several rows: {}", human_count(counts.ambiguous));
  }
  return text;
}

void publish_nightly(const NightlyPlan& plan, const OutputPlan& output, Console& console) {
  if (plan.link.empty()) return;
  swap_link(plan.link, output.path);
  if (plan.keep == 0) return;
  for (const OlderOutput& older : remove_older(output.path, plan.link, plan.keep)) {
    if (older.kept_because.empty()) {
      console.note(fmt::format("removed the older output {}", older.path));
    } else {
      console.note(fmt::format("kept the older output {}: {}", older.path, older.kept_because));
    }
  }
}

}  // namespace embedtool
