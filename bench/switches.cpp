// What the account of time itself costs: one switch of a thread's StageClock from a stage to the
// next, in CPU time. Once in a tight loop, and once where everything that it touches has left the
// first two caches, as matrix products see to. Prints one JSON object.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "core/base/profile.hpp"

namespace {

using namespace embedtool;

constexpr Stage kCycle[] = {Stage::gemm, Stage::elementwise, Stage::attention, Stage::lookup};

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

double hot_ns() {
  constexpr int kSwitches = 100000;
  StageClock clock;
  const std::uint64_t begin = thread_cpu_ns();
  for (int i = 0; i < kSwitches; ++i) clock.enter(kCycle[i % 4]);
  return static_cast<double>(thread_cpu_ns() - begin) / kSwitches;
}

/// Of one switch after 4 MiB of other memory were written; less what reading the time costs.
double cold_ns() {
  constexpr int kRounds = 2000;
  std::vector<unsigned char> other(std::size_t{4} << 20U);
  StageClock clock;
  std::vector<double> with;
  std::vector<double> without;
  for (int i = 0; i < kRounds; ++i) {
    for (std::size_t at = 0; at < other.size(); at += 64) ++other[at];
    std::uint64_t begin = thread_cpu_ns();
    clock.enter(kCycle[i % 4]);
    with.push_back(static_cast<double>(thread_cpu_ns() - begin));
    begin = thread_cpu_ns();
    without.push_back(static_cast<double>(thread_cpu_ns() - begin));
  }
  return std::max(0.0, median(with) - median(without));
}

}  // namespace

int main() {
  std::printf("{\"hot_ns\": %.1f, \"cold_ns\": %.1f}\n", hot_ns(), cold_ns());
  return 0;
}
