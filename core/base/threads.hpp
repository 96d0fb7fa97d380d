#pragma once

#include <cstddef>

namespace embedtool {

/// CPUs that this process may really use: the affinity mask, cut down to the cgroup's CPU quota
/// (v2 cpu.max or v1 cfs_quota_us, of this group and its parents), rounded up; at least 1.
std::size_t available_cpus();

/// Names the calling thread for debuggers and profilers (at most 15 characters).
void name_thread(const char* name);

}  // namespace embedtool
