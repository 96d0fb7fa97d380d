// embedtool diff: what changed between two outputs.
#include <fmt/core.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "cli/early_checks.hpp"
#include "cli/flags.hpp"
#include "cli/nightly.hpp"
#include "core/base/error.hpp"
#include "formats/io/fd_sink.hpp"
#include "formats/output/output_changes.hpp"
#include "formats/output/output_reuse.hpp"

namespace embedtool {
namespace {

struct DiffFlags {
  std::string before;
  std::string now;
  std::string file = "-";
  std::string memory = "128M";
};

ExitCode diff(const DiffFlags& flags, Console& console) {
  const bool to_stdout = flags.file == "-";
  if (!to_stdout) is_change_table("-o", flags.file);
  check_destination("-o", flags.file);
  const std::uint64_t memory = parse_size("--memory-limit", flags.memory);
  const auto before = open_output(flags.before);
  const auto now = open_output(flags.now);
  const std::string difference =
      first_difference(before->manifest.identity, now->manifest.identity, Comparison::reuse);
  if (!difference.empty()) {
    throw Error(
        ExitCode::usage,
        "{} and {}: their vectors are of different spaces, so no row of one can stay beside "
        "rows of the other: {}; fill a new index from all of {}",
        flags.before, flags.now, difference, flags.now);
  }
  const PublishedRows old_rows{&before->directory, &before->manifest};
  const PublishedRows new_rows{&now->directory, &now->manifest};
  const std::string scratch = scratch_folder({});
  ChangeCounts counts;
  if (to_stdout) {
    FdSink out(STDOUT_FILENO, "standard output");
    counts = find_changes(old_rows, new_rows, scratch, memory, *open_change_lines(out));
  } else {
    counts = write_changes(old_rows, new_rows, scratch, memory, flags.file);
  }
  console.note(fmt::format("{} → {}: {}", flags.before, flags.now, describe_changes(counts)));
  return ExitCode::ok;
}

}  // namespace

RunCommand declare_diff(CLI::App& app) {
  const auto flags = std::make_shared<DiffFlags>();
  declare_argument(app, "OLD", flags->before).required();
  declare_argument(app, "NEW", flags->now).required();
  FlagGroup group(app, "Output");
  group.path("-o,--output", flags->file, "FILE",
             "File to write, .parquet or .jsonl, or - for lines on standard output [-]");
  FlagGroup(app, "Work")
      .value("--memory-limit", flags->memory, "SIZE",
             "Memory for sorting; the rest goes to scratch files [128M]");
  return [flags](Session& session) { return diff(*flags, session.console); };
}

}  // namespace embedtool
