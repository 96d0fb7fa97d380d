#include "core/base/memory.hpp"

#include <fcntl.h>
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
  // Not by stdio, which allocates: this is called while a run is in steady state.
  const int statm = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (statm < 0) return memory;
  char text[128] = {};
  const ssize_t got = ::read(statm, text, sizeof text - 1);
  ::close(statm);
  unsigned long long size = 0;
  unsigned long long resident = 0;
  unsigned long long file = 0;
  if (got > 0 && std::sscanf(text, "%llu %llu %llu", &size, &resident, &file) == 3) {
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    memory.resident = resident * page;
    memory.resident_file = file * page;
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
