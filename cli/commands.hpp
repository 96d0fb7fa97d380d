#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "cli/console.hpp"
#include "core/base/error.hpp"
#include "core/base/profile.hpp"

namespace CLI {
class App;
}

namespace embedtool {

/// What a running command has at hand.
struct Session {
  Console& console;
  StageClock clock;                  ///< the main thread's account, from the program's start on
  std::uint64_t start_ns = 0;        ///< monotonic_ns() at the program's start
  std::uint64_t startup_cpu_ns = 0;  ///< CPU time that was spent before
};

/// What remains to be done once a command line has been parsed.
using RunCommand = std::function<ExitCode(Session&)>;

/// A subcommand. Parsing is free of side effects: declare() only names the flags and where their
/// values go; the returned function resolves them and does the work.
struct Command {
  const char* name;
  const char* usage;    ///< after "embedtool "
  const char* summary;  ///< one line, in the list of commands
  const char* purpose;  ///< a sentence or two, in the command's own --help
  RunCommand (*declare)(CLI::App& app);
};

/// All subcommands, in the order of `embedtool --help`.
std::span<const Command> commands();

RunCommand declare_encode(CLI::App& app);
RunCommand declare_info(CLI::App& app);
RunCommand declare_verify(CLI::App& app);
RunCommand declare_diff(CLI::App& app);
RunCommand declare_merge(CLI::App& app);
RunCommand declare_export(CLI::App& app);
RunCommand declare_search(CLI::App& app);
RunCommand declare_tokenize(CLI::App& app);
RunCommand declare_report_command(CLI::App& app);
RunCommand declare_tune(CLI::App& app);
RunCommand declare_pull(CLI::App& app);
RunCommand declare_completion(CLI::App& app);

}  // namespace embedtool
