#pragma once

#include <string>
#include <vector>

namespace embedtool {

/// The folders of the kernel's control groups that bind this process, from its own up to the
/// hierarchy's root: those of cgroup v2, and of v1's `controller` ("cpu", "memory"). Folders that
/// do not exist are listed too.
std::vector<std::string> cgroup_folders(const std::string& controller);

/// First line of a small kernel file, empty when there is none.
std::string first_line(const std::string& path);

}  // namespace embedtool
