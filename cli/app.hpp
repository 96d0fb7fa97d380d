#pragma once

#include <span>

namespace embedtool {

/// Parses and runs a command line without the program's name; returns the process's exit status.
/// Every failure ends as one message on standard error: nothing is thrown.
int run_command_line(std::span<char*> arguments);

}  // namespace embedtool
