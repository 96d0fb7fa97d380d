#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/console.hpp"

namespace embedtool {

// What is found out before any work is done.

/// Throws Error(failed), naming the option, unless a file can be written there: its folder exists,
/// files can be made in it, and what is there already is no folder and may be replaced. An empty
/// path is no destination; "-" and devices pass.
void check_destination(std::string_view option, const std::string& path);
/// The same for a folder in which scratch files can be made.
void check_folder(std::string_view option, const std::string& path);
/// The same for the rejects, which are written to no link and not to standard output.
void check_rejects_file(const std::string& path);

/// Warns of variables EMBEDTOOL_* in `environment` ("NAME=value") that no option of any command
/// has.
void check_environment(const std::vector<std::string>& environment, Console& console);

/// The process's own.
std::vector<std::string> environment_of_process();

}  // namespace embedtool
