#pragma once

#include <cstddef>
#include <functional>

namespace embedtool {

/// CPUs that this process may actually use: the affinity mask, cut down to the cgroup's CPU quota
/// (v2 cpu.max or v1 cfs_quota_us, of this group and its parents), rounded up; at least 1.
std::size_t available_cpus();

/// Calls body(0) … body(count - 1), each once, on up to available_cpus() threads; returns when all
/// have ended. If any calls threw, throws the exception of the one with the lowest index.
void parallel_for(std::size_t count, const std::function<void(std::size_t)>& body);

/// Binds the calling thread to one of the CPUs that it may use, the `index`-th (wrapping around),
/// so that the kernel does not move it away from its caches. False if the system does not allow it.
bool pin_thread(std::size_t index);

/// Names the calling thread for debuggers and profilers (at most 15 characters).
void name_thread(const char* name);

}  // namespace embedtool
