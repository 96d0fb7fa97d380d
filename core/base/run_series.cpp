#include "core/base/run_series.hpp"

namespace embedtool {

void RunSeries::add(const RunSample& sample) {
  if (samples_.capacity() < kMost) samples_.reserve(kMost);
  if (samples_.size() == kMost) {
    for (std::size_t i = 0; i < kMost / 2; ++i) samples_[i] = samples_[2 * i];
    samples_.resize(kMost / 2);
    period_ns_ *= 2;
  }
  samples_.push_back(sample);
  next_ns_ = sample.time_ns + period_ns_;
}

}  // namespace embedtool
