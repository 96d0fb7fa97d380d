#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/check.hpp"
#include "core/data.hpp"
#include "core/model/encoder.hpp"
#include "core/pipeline/batch_encoder.hpp"
#include "core/pipeline/planner.hpp"

namespace embedtool {

/// Texts as token ids, to be encoded again and again.
class TokenSample {
 public:
  void add(std::span<const TokenId> ids);

  std::size_t size() const { return offsets_.size() - 1; }
  std::span<const TokenId> text(std::size_t i) const {
    EMBEDTOOL_CHECK(i < size());
    return {ids_.data() + offsets_[i], offsets_[i + 1] - offsets_[i]};
  }
  /// Tokens of the first `texts` texts.
  std::size_t tokens(std::size_t texts) const { return offsets_[texts]; }
  /// Tokens of each of the first `texts` texts.
  std::vector<std::uint32_t> lengths(std::size_t texts) const;

 private:
  std::vector<TokenId> ids_;
  std::vector<std::size_t> offsets_{0};
};

/// How to encode a sample.
struct TrialSetup {
  std::size_t texts = 0;  ///< the first of the sample, this many
  std::size_t threads = 1;
  BatchLimits batch;
  /// Make the last batches smaller so that all threads end together: for wall time. Else all
  /// batches but one are full, as in the middle of a run: for CPU time.
  bool ends_together = false;
};

struct TrialTimes {
  double wall_seconds = 0;
  double cpu_seconds = 0;  ///< of all threads
};

/// Encodes a sample and measures the time, with the planner, the encoder and the buffers of a run
/// but without reading, tokenizing and writing. Buffers are kept for the next call. Not
/// thread-safe; borrows the sample.
class Trial {
 public:
  explicit Trial(const TokenSample& sample) : sample_(sample) {}

  /// If `vectors` is not null, the finished vectors go there, in the sample's order.
  TrialTimes run(const Encoder& encoder, const TrialSetup& setup,
                 std::vector<float>* vectors = nullptr);

 private:
  struct Worker {
    BatchEncoder encoder;
    std::uint64_t cpu_ns = 0;
  };
  class Job;

  const TokenSample& sample_;
  std::vector<Worker> workers_;
};

}  // namespace embedtool
