#include "core/pipeline/report.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace embedtool {

void SizeHistogram::add(std::uint64_t value) {
  const auto k = static_cast<std::size_t>(std::bit_width(value | 1U)) - 1;
  ++counts[std::min(k, counts.size() - 1)];
}

void SizeHistogram::merge(const SizeHistogram& other) {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
}

void RunReport::add_thread(std::string name, const StageTable& stages_of_thread) {
  for (std::size_t i = 0; i < kStageCount; ++i) stages[i].merge(stages_of_thread[i]);
  threads.push_back({std::move(name), stages_of_thread});
}

}  // namespace embedtool
