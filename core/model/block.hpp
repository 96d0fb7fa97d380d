#pragma once

#include <cstddef>
#include <optional>

#include "core/data.hpp"
#include "core/math/gemm.hpp"
#include "core/math/matrix.hpp"
#include "core/model/attention_layer.hpp"
#include "core/model/blocking.hpp"
#include "core/model/experts.hpp"
#include "core/model/feed_forward.hpp"
#include "core/model/linear.hpp"
#include "core/model/norm.hpp"
#include "core/model/positions.hpp"
#include "core/model/spec.hpp"
#include "core/model/weights.hpp"
#include "core/model/workspace.hpp"

namespace embedtool {

/// One block of a transformer encoder: attention, and a feed-forward network or experts, each with
/// a residual connection around it. Immutable, thread-safe; borrows spec and positions.
class TransformerBlock {
 public:
  /// `layer`: which of the checkpoint's sets of weights. Throws Error(model) naming a tensor that
  /// is missing or does not fit.
  TransformerBlock(const ModelSpec& spec, const AttentionPositions& positions, std::size_t layer,
                   const WeightReader& reader, const LinearFactory& make);

  /// The block over one group of texts, in place: `x` [group's tokens, hidden]. `local`: attention
  /// within the spec's local span.
  void apply(const Batch& batch, TextGroup group, bool local, Matrix x,
             EncodeContext& context) const;

  void lay_out(const BatchShape& shape, WorkspaceLayout& layout) const;
  /// FLOPs of the linear layers for a token.
  double flops() const;
  std::size_t owned_bytes() const;
  std::size_t borrowed_bytes() const;

 private:
  const ModelSpec& spec_;
  Blocking blocking_;
  AttentionLayer attention_;
  Linear attention_output_;
  Residual attention_residual_;
  std::optional<FeedForward> feed_forward_;  ///< this or experts_
  std::optional<Experts> experts_;
  Residual feed_forward_residual_;
};

}  // namespace embedtool
