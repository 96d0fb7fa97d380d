#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace embedtool {

/// The state of a run at one moment.
struct RunSample {
  std::uint64_t time_ns = 0;  ///< since the program's start
  std::uint64_t tokens = 0;   ///< encoded so far
  std::uint64_t rows = 0;     ///< written so far
  std::uint64_t resident = 0;
  std::uint64_t resident_file = 0;  ///< of it, mapped from files: program, libraries, model
};

/// Samples of a run over time, at most kMost: when it is full, every other sample is dropped and
/// the sampling interval doubles. Not thread-safe.
class RunSeries {
 public:
  static constexpr std::size_t kMost = 256;

  /// Whether it is time for a sample; cheap.
  bool due(std::uint64_t time_ns) const { return time_ns >= next_ns_; }
  void add(const RunSample& sample);
  std::uint64_t period_ns() const { return period_ns_; }
  const std::vector<RunSample>& samples() const { return samples_; }

 private:
  std::uint64_t period_ns_ = 20'000'000;
  std::uint64_t next_ns_ = 0;
  std::vector<RunSample> samples_;
};

}  // namespace embedtool
