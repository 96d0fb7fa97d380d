#pragma once

#include <cstddef>

#include "core/data.hpp"
#include "core/math/gemm.hpp"
#include "core/math/matrix.hpp"
#include "core/model/attention_layer.hpp"
#include "core/model/blocking.hpp"
#include "core/model/linear.hpp"
#include "core/model/norm.hpp"
#include "core/model/positions.hpp"
#include "core/model/spec.hpp"
#include "core/model/weights.hpp"
#include "core/model/workspace.hpp"

namespace embedtool {

/// The position-wise feed-forward network: down(activation(up(x))), or, gated,
/// down(activation(gate(x)) · up(x)) (Shazeer 2020). Immutable, thread-safe; borrows spec.
class FeedForward {
 public:
  /// Throws Error(model) naming a tensor that is missing or does not fit.
  FeedForward(const ModelSpec& spec, std::size_t layer, const WeightReader& reader,
              const LinearFactory& make);

  /// x [rows, hidden] → out [rows, hidden], rows ≤ Blocking::max_chunk().
  void apply(ConstMatrix x, Matrix out, EncodeContext& context) const;

  void lay_out(std::size_t rows, WorkspaceLayout& layout) const;
  double flops() const { return up_.flops() + down_.flops(); }
  std::size_t owned_bytes() const { return up_.owned_bytes() + down_.owned_bytes(); }
  std::size_t borrowed_bytes() const { return up_.borrowed_bytes() + down_.borrowed_bytes(); }

 private:
  const ModelSpec& spec_;
  Linear up_;
  Linear down_;
};

/// One block of a transformer encoder: attention and a feed-forward network, each with a residual
/// connection around it. Immutable, thread-safe; borrows spec and positions.
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
  double flops() const {
    return attention_.flops() + attention_output_.flops() + feed_forward_.flops();
  }
  std::size_t owned_bytes() const;
  std::size_t borrowed_bytes() const;

 private:
  const ModelSpec& spec_;
  Blocking blocking_;
  AttentionLayer attention_;
  Linear attention_output_;
  Residual attention_residual_;
  FeedForward feed_forward_;
  Residual feed_forward_residual_;
};

}  // namespace embedtool
