// embedtool merge: the units of a job's processes become one output.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "cli/commands.hpp"
#include "cli/encode_report.hpp"
#include "cli/flags.hpp"
#include "cli/signals.hpp"
#include "cli/stdout_writer.hpp"
#include "core/base/human.hpp"
#include "formats/output/merge_units.hpp"
#include "formats/output/part_choice.hpp"
#include "formats/report/report.hpp"

namespace embedtool {
namespace {

struct MergeFlags {
  std::string output;
  std::vector<std::string> others;
  bool missing = false;
  bool mixed_kernels = false;
  bool link = false;
  bool copy = false;
  bool move = false;
  std::string wait;
};

MergeOptions resolve(const MergeFlags& flags) {
  MergeOptions options;
  options.output = flags.output;
  options.others = flags.others;
  options.mixed_kernels = flags.mixed_kernels;
  if (int{flags.link} + int{flags.copy} + int{flags.move} > 1) {
    throw Error(ExitCode::usage, "--link, --copy and --move: choose one of them");
  }
  options.transfer = flags.link   ? Transfer::link
                     : flags.copy ? Transfer::copy
                     : flags.move ? Transfer::move
                                  : Transfer::automatic;
  return options;
}

/// A report as of one run: figures that processes have no share in are zero. `units` says what is
/// known of the job.
std::string merged_report(const UnitMerge& merge, const Session& session) {
  const UnitTotals& totals = merge.totals();
  RunReport report;
  report.counts.records = totals.records - std::min(totals.records, totals.rejected);
  report.counts.rows = totals.rows;
  report.counts.rejected = totals.rejected;
  report.counts.truncated = totals.truncated;
  report.counts.tokens = totals.tokens;
  report.counts.bytes_read = totals.bytes_read;
  report.counts.bytes_written = totals.bytes_written;
  report.times.wall_ns = report.times.encode_wall_ns =
      static_cast<std::uint64_t>(totals.seconds * 1e9);
  nlohmann::ordered_json json =
      nlohmann::ordered_json::parse(report_json(report, base_context(merge.identity(), session)));
  auto& units = json["units"];
  units = {{"count", totals.units}, {"bytes", merge.plan().unit_bytes}};
  for (const auto& [seconds, unit] : totals.slowest) {
    units["slowest"].push_back({{"unit", unit}, {"seconds", seconds}});
  }
  for (const auto& [host, count] : totals.hosts) units["hosts"][host] = count;
  for (const auto& [kernels, which] : totals.kernels) units["kernels"][kernels] = show_units(which);
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

/// Looks until no unit is missing, or for so long: records may be slow to show on a network.
std::vector<std::size_t> check(UnitMerge& merge, double seconds) {
  constexpr std::chrono::milliseconds kPause{500};
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (true) {
    std::vector<std::size_t> missing = merge.check();
    if (missing.empty() || std::chrono::steady_clock::now() >= end || stop_requested()) {
      return missing;
    }
    std::this_thread::sleep_for(kPause);
  }
}

ExitCode merge_units(const MergeFlags& flags, Session& session) {
  const double wait = flags.wait.empty() ? 0 : parse_duration("--wait", flags.wait);
  UnitMerge merge(resolve(flags));
  if (merge.was_merged()) {
    session.console.note(fmt::format("{}: is merged already; nothing to do", flags.output));
    return ExitCode::ok;
  }
  const std::vector<std::size_t> missing = check(merge, wait);
  if (!missing.empty()) {
    StdoutWriter out;
    out.write(show_units(missing) + "\n");
    out.flush();
    throw Error(
        ExitCode::incomplete,
        "{} lacks {} of {}; encode what is missing with --units, which takes the list on standard "
        "output, then merge again",
        flags.output, human_count(missing.size(), "unit"), merge.plan().units.size());
  }
  if (flags.missing) {
    session.console.note(fmt::format("{}: no unit is missing", flags.output));
    return ExitCode::ok;
  }
  merge.publish(merged_report(merge, session));
  const UnitTotals& totals = merge.totals();
  session.console.note(fmt::format(
      "{}: merged {}, {}, {}{}", flags.output, human_count(totals.units, "unit"),
      human_count(totals.rows, "row"), human_bytes(totals.bytes_written),
      totals.rejected > 0 ? fmt::format("; {} rejected (rejects.jsonl)", totals.rejected) : ""));
  return ExitCode::ok;
}

}  // namespace

RunCommand declare_merge(CLI::App& app) {
  const auto flags = std::make_shared<MergeFlags>();
  declare_argument(app, "output", flags->output).required();
  declare_arguments(app, "others", flags->others);
  FlagGroup group(app, "Units");
  group.flag("--missing", flags->missing,
             "Only list the units that are missing, on standard output; status 6 if there are any");
  group.value("--wait", flags->wait, "TIME", "Look again for missing units for so long [0s]");
  group.flag("--mixed-kernels", flags->mixed_kernels,
             "Join units of different backends or instruction sets");
  group.flag("--link", flags->link,
             "Take shards of DIRs by hard links [links, else moves, else copies]");
  group.flag("--copy", flags->copy, "Copy them");
  group.flag("--move", flags->move, "Move them");
  return [flags](Session& session) { return merge_units(*flags, session); };
}

}  // namespace embedtool
