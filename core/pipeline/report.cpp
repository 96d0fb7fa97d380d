#include "core/pipeline/report.hpp"

#include <algorithm>
#include <utility>

namespace embedtool {

void SizeHistogram::add(std::uint64_t value) {
  ++counts[std::min(LogBuckets::of(value), counts.size() - 1)];
}

void SizeHistogram::merge(const SizeHistogram& other) {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
}

void BatchCounts::merge(const BatchCounts& other) {
  texts.merge(other.texts);
  tokens.merge(other.tokens);
  wall.merge(other.wall);
  samples.insert(samples.end(), other.samples.begin(), other.samples.end());
}

void RunTimes::add_thread(std::string name, const StageClock& clock, TraceLane lane) {
  stages.merge(clock.totals());
  threads.push_back({std::move(name), clock.totals(), clock.timeline(), std::move(lane)});
}

}  // namespace embedtool
