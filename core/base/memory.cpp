#include "core/base/memory.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string>
#include <system_error>

#include "core/base/cgroup.hpp"

namespace embedtool {

ProcessMemory process_memory() {
  ProcessMemory memory;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    memory.peak_resident = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;  // Linux: KiB
  }
  if (std::FILE* statm = std::fopen("/proc/self/statm", "r")) {
    unsigned long long size = 0;
    unsigned long long resident = 0;
    if (std::fscanf(statm, "%llu %llu", &size, &resident) == 2) {
      memory.resident = resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    }
    std::fclose(statm);
  }
  return memory;
}

std::uint64_t cgroup_memory() {
  std::uint64_t least = 0;
  for (const std::string& folder : cgroup_folders("memory")) {
    for (const char* file : {"/memory.max", "/memory.limit_in_bytes"}) {
      const std::string line = first_line(folder + file);
      std::uint64_t limit = 0;
      const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), limit);
      // "max", or v1's number near 2^63: no limit.
      constexpr std::uint64_t kNone = std::uint64_t{1} << 60U;
      if (error != std::errc() || limit == 0 || limit >= kNone) continue;
      least = least == 0 ? limit : std::min(least, limit);
    }
  }
  return least;
}

}  // namespace embedtool
