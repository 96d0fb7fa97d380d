#pragma once

#include <string>

namespace embedtool {

/// The program's version, "MAJOR.MINOR.PATCH".
const char* version_string();

/// What `--version` prints: version, build, backends with the kernels they run here, instruction
/// set.
std::string version_text();

}  // namespace embedtool
