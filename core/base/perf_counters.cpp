#include "core/base/perf_counters.hpp"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace embedtool {
namespace {

constexpr std::array<std::uint64_t, 3> kEvents = {
    PERF_COUNT_HW_INSTRUCTIONS, PERF_COUNT_HW_CPU_CYCLES, PERF_COUNT_HW_CACHE_MISSES};

int open_counter(std::uint64_t event) {
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = PERF_TYPE_HARDWARE;
  attr.config = event;
  attr.inherit = 1;
  attr.exclude_kernel = 1;
  attr.exclude_hv = 1;
  attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  return static_cast<int>(::syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

std::string reason(int error) {
  switch (error) {
    case ENOENT:
    case EOPNOTSUPP:
      return "this CPU, or the virtual machine, has no such counter";
    case EACCES:
    case EPERM:
      return "not allowed: see /proc/sys/kernel/perf_event_paranoid";
    case ENOSYS:
      return "this kernel has no perf_event_open";
    default:
      return std::strerror(error);
  }
}

std::optional<std::uint64_t> read_counter(int fd) {
  struct {
    std::uint64_t value;
    std::uint64_t enabled;
    std::uint64_t running;
  } count{};
  if (fd < 0 || ::read(fd, &count, sizeof count) != static_cast<ssize_t>(sizeof count)) {
    return std::nullopt;
  }
  if (count.running == 0) return std::nullopt;
  if (count.running == count.enabled) return count.value;
  return static_cast<std::uint64_t>(static_cast<double>(count.value) *
                                    static_cast<double>(count.enabled) /
                                    static_cast<double>(count.running));
}

}  // namespace

PerfCounters::PerfCounters() {
  for (std::size_t i = 0; i < kEvents.size(); ++i) {
    fds_[i] = open_counter(kEvents[i]);
    if (fds_[i] < 0) error_ = errno;
  }
}

PerfCounters::~PerfCounters() {
  for (const int fd : fds_) {
    if (fd >= 0) ::close(fd);
  }
}

PerfCounts PerfCounters::read() const {
  PerfCounts counts{read_counter(fds_[0]), read_counter(fds_[1]), read_counter(fds_[2]), ""};
  if (error_ != 0) {
    counts.why_not = reason(error_);
  } else if (!counts.instructions || !counts.cycles || !counts.cache_misses) {
    counts.why_not = "the kernel never ran the counter";
  }
  return counts;
}

}  // namespace embedtool
