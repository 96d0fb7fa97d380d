#pragma once

#include <memory>
#include <string>

#include "cli/commands.hpp"

namespace CLI {
class App;
}

namespace embedtool {

/// Flags that every subcommand has.
struct CommonFlags {
  bool quiet = false;
  bool verbose = false;
  LogFormat log_format = LogFormat::text;
  When progress = When::automatic;
  When color = When::automatic;
};

/// A subcommand's parser with the targets of its flags.
struct BuiltApp {
  BuiltApp();
  BuiltApp(BuiltApp&&) noexcept;
  ~BuiltApp();

  std::unique_ptr<CommonFlags> common;
  std::unique_ptr<CLI::App> app;
  RunCommand run;
};

/// Declares everything that `command` understands.
BuiltApp build_app(const Command& command);

/// The console that the parsed flags ask for.
ConsoleOptions console_options(const CommonFlags& flags);

}  // namespace embedtool
