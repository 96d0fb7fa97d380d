#pragma once

#include <cstddef>

#include "core/math/gemm.hpp"
#include "core/math/matrix.hpp"
#include "core/model/linear.hpp"
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
  /// One of the layer's experts.
  FeedForward(const ModelSpec& spec, std::size_t layer, std::size_t expert,
              const WeightReader& reader, const LinearFactory& make);

  /// x [rows, hidden] → out [rows, hidden], which may be x; rows ≤ Blocking::max_chunk().
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

}  // namespace embedtool
