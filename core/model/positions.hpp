#pragma once

#include <cstddef>
#include <vector>

#include "core/base/check.hpp"
#include "core/model/spec.hpp"
#include "core/model/weights.hpp"

namespace embedtool {

/// What positions do inside of attention: angles that rotate queries and keys, or a bias of the
/// scores by distance. Computed once for all positions of the model; immutable.
class AttentionPositions {
 public:
  /// Throws Error(model) where the model needs a table and names no longest sequence, or where the
  /// learned biases do not fit.
  AttentionPositions(const ModelSpec& spec, const WeightReader& reader);

  /// Cosines and sines of the token at `position` (see RotateArgs); null = nothing is rotated.
  const float* angles(std::size_t position, bool local) const {
    const std::vector<float>& table = local ? local_angles_ : angles_;
    EMBEDTOOL_CHECK(table.empty() || (position + 1) * rotated_ <= table.size());
    return table.empty() ? nullptr : table.data() + position * rotated_;
  }
  std::size_t rotated() const { return rotated_; }

  /// The bias at distance 0 of the first head (see AttentionArgs); null = none.
  const float* bias() const { return bias_.empty() ? nullptr : bias_.data() + reach_; }
  std::size_t bias_stride() const { return 2 * reach_ + 1; }

  std::size_t owned_bytes() const {
    return (angles_.size() + local_angles_.size() + bias_.size()) * sizeof(float);
  }

 private:
  void read_buckets(const ModelSpec& spec, const WeightReader& reader);
  void make_slopes(const ModelSpec& spec);

  std::size_t rotated_ = 0;
  std::size_t reach_ = 0;  // largest distance
  std::vector<float> angles_;
  std::vector<float> local_angles_;
  std::vector<float> bias_;  // [heads, 2 reach + 1]
};

/// T5's bucket of the distance key - query among `buckets` (Raffel et al. 2020): half of them for
/// keys behind the query; of a half, the first half for one distance each, the others growing
/// logarithmically up to `furthest`.
std::size_t relative_bucket(std::ptrdiff_t distance, std::size_t buckets, std::size_t furthest);

/// ALiBi's slopes (Press et al. 2021): a geometric sequence, for other head counts than powers of
/// two filled up with every other one of the next power's.
std::vector<double> alibi_slopes(std::size_t heads);

}  // namespace embedtool
