#pragma once

namespace embedtool {

/// The program's version, "MAJOR.MINOR.PATCH".
const char* version_string();
/// CMake's build type, "Release".
const char* build_type();

}  // namespace embedtool
