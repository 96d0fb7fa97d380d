#include "core/base/memory.hpp"

#include <sys/resource.h>

#include <cstdio>

#include <unistd.h>

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

}  // namespace embedtool
