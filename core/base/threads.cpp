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
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "core/base/cgroup.hpp"
#include "core/base/check.hpp"

namespace embedtool {
namespace {

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
  double cpus = HUGE_VAL;
  for (const std::string& folder : cgroup_folders("cpu")) cpus = std::min(cpus, quota_of(folder));
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
    try {
      for (std::size_t t = 1; t < threads; ++t) helpers.emplace_back(work);
    } catch (const std::system_error&) {  // no more threads to be had: fewer do the work
    }
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
  EMBEDTOOL_CHECK(std::strlen(name) <= 15);
  pthread_setname_np(pthread_self(), name);
}

}  // namespace embedtool
