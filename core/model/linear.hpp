#pragma once

#include <cstddef>
#include <memory>

#include "core/math/gemm.hpp"
#include "core/math/matrix.hpp"
#include "core/model/workspace.hpp"

namespace embedtool {

/// A linear layer with its shape: y = activation(x Wᵀ + b). Immutable, thread-safe.
class Linear {
 public:
  Linear() = default;
  Linear(const LinearParams& params, const LinearFactory& make)
      : layer_(make.backend.make_linear(params)), in_(params.in), out_(params.out) {}

  bool empty() const { return layer_ == nullptr; }
  std::size_t in() const { return in_; }
  std::size_t out() const { return out_; }

  /// x [rows, in] → y [rows, out], both contiguous, with room behind the last row as
  /// LinearLayer::forward() asks for.
  void apply(ConstMatrix x, Matrix y, EncodeContext& context, Stage stage = Stage::gemm) const;
  /// Adds the scratch memory that apply() uses.
  void lay_out(WorkspaceLayout& layout) const;

  /// FLOPs of a row; 0 when empty, as are the others.
  double flops() const { return 2.0 * static_cast<double>(in_ * out_); }
  std::size_t owned_bytes() const { return empty() ? 0 : layer_->owned_bytes(); }
  std::size_t borrowed_bytes() const { return empty() ? 0 : layer_->borrowed_bytes(); }

 private:
  std::unique_ptr<LinearLayer> layer_;
  std::size_t in_ = 0;
  std::size_t out_ = 0;
};

}  // namespace embedtool
