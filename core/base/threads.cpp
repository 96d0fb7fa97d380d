#include "core/base/threads.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace embedtool {
namespace {

/// First line of a small kernel file, empty when there is none.
std::string first_line(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                             std::fclose);
  char line[4096];
  if (file == nullptr || std::fgets(line, sizeof line, file.get()) == nullptr) return "";
  line[std::strcspn(line, "\n")] = '\0';
  return line;
}

/// CPUs that `folder` grants by its quota; +inf without one.
double quota_of(const std::string& folder) {
  double quota = 0;
  double period = 0;
  const std::string v2 = first_line(folder + "/cpu.max");
  if (std::sscanf(v2.c_str(), "%lf %lf", &quota, &period) != 2) {  // "max 100000" does not parse
    quota = std::atof(first_line(folder + "/cpu.cfs_quota_us").c_str());
    period = std::atof(first_line(folder + "/cpu.cfs_period_us").c_str());
  }
  return quota > 0 && period > 0 ? quota / period : HUGE_VAL;
}

/// The tightest quota on the way from this process' group to the hierarchy's root.
double cgroup_cpus() {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/cgroup", "re"),
                                                             std::fclose);
  if (file == nullptr) return HUGE_VAL;
  double cpus = std::min(quota_of("/sys/fs/cgroup"), quota_of("/sys/fs/cgroup/cpu"));
  char line[4096];
  while (std::fgets(line, sizeof line, file.get()) != nullptr) {
    line[std::strcspn(line, "\n")] = '\0';
    // "0::/path" (v2) or "7:cpu,cpuacct:/path" (v1)
    const char* controllers = std::strchr(line, ':');
    const char* group = controllers == nullptr ? nullptr : std::strchr(controllers + 1, ':');
    if (group == nullptr) continue;
    const bool v1 = std::strstr(controllers, "cpu") != nullptr;
    if (group[-1] != ':' && !v1) continue;
    std::string path = std::string("/sys/fs/cgroup") + (v1 ? "/cpu" : "") + (group + 1);
    while (path.size() > std::strlen("/sys/fs/cgroup")) {
      cpus = std::min(cpus, quota_of(path));
      path.resize(path.rfind('/'));
    }
  }
  return cpus;
}

}  // namespace

std::size_t available_cpus() {
  double cpus = std::max(1U, std::thread::hardware_concurrency());
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    cpus = std::max(1, CPU_COUNT(&allowed));
  }
  return static_cast<std::size_t>(std::max(1.0, std::ceil(std::min(cpus, cgroup_cpus()))));
}

void parallel_for(std::size_t count, const std::function<void(std::size_t)>& body) {
  std::vector<std::exception_ptr> thrown(count);
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      try {
        body(i);
      } catch (...) {
        thrown[i] = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> helpers;
    const std::size_t threads = std::min(count, available_cpus());
    for (std::size_t t = 1; t < threads; ++t) helpers.emplace_back(work);
    work();
  }
  for (const std::exception_ptr& error : thrown) {
    if (error != nullptr) std::rethrow_exception(error);
  }
}

bool pin_thread(std::size_t index) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return false;
  const auto cpus = static_cast<std::size_t>(std::max(1, CPU_COUNT(&allowed)));
  std::size_t left = index % cpus;
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || left-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    return pthread_setaffinity_np(pthread_self(), sizeof one, &one) == 0;
  }
  return false;
}

void name_thread(const char* name) {
  pthread_setname_np(pthread_self(), name);
}

}  // namespace embedtool
