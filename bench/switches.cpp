// What the account of time itself costs: one switch of a thread's StageClock from a stage to the
// next, in CPU time, where other memory was written before, as matrix products see to: behind a
// short span, of a few microseconds, and behind a long one, that has emptied the first two caches.
// Prints one JSON object.
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

/// Nanoseconds of a switch after so many bytes were written, less what reading the time costs.
double switch_ns(std::size_t bytes) {
  constexpr int kRounds = 2000;
  std::vector<unsigned char> other(bytes);
  StageClock clock;
  std::vector<double> with;
  std::vector<double> without;
  for (int i = 0; i < kRounds; ++i) {
    clock.enter(kCycle[i % 4]);  // the span begins
    for (std::size_t at = 0; at < other.size(); at += 64) ++other[at];
    std::uint64_t begin = monotonic_ns();
    clock.enter(kCycle[(i + 1) % 4]);
    with.push_back(static_cast<double>(monotonic_ns() - begin));
    begin = monotonic_ns();
    without.push_back(static_cast<double>(monotonic_ns() - begin));
  }
  return std::max(0.0, median(with) - median(without));
}

}  // namespace

int main() {
  constexpr std::size_t kKiB = 1024;
  std::printf("{\"short_ns\": %.1f, \"long_ns\": %.1f}\n", switch_ns(64 * kKiB),
              switch_ns(4096 * kKiB));
  return 0;
}
