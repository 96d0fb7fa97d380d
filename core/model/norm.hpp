#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/math/matrix.hpp"
#include "core/model/spec.hpp"
#include "core/model/weights.hpp"
#include "core/model/workspace.hpp"

namespace embedtool {

/// A LayerNorm or RMS norm over rows. Matrices are contiguous. Immutable, thread-safe.
class Norm {
 public:
  /// An empty norm, which must not be applied.
  Norm() = default;
  /// `prefix` names weight and bias. Throws Error(model) naming a tensor that does not fit.
  Norm(const ModelSpec& spec, const WeightReader& reader, const std::string& prefix,
       std::size_t size);

  bool empty() const { return scale_.empty(); }
  /// out = norm(x), row by row; out may be x.
  void apply(ConstMatrix x, Matrix out) const;
  /// out = norm(x + residual), row by row; out may be either, x is overwritten.
  void apply_sum(Matrix x, ConstMatrix residual, Matrix out) const;

 private:
  NormKind kind_ = NormKind::layer;
  float eps_ = 0.0F;
  std::vector<float> scale_;
  std::vector<float> shift_;
};

/// The residual connection around a sub-layer f, with norms where the family puts them: see
/// BlockNorms.
class Residual {
 public:
  Residual() = default;
  /// `norm` and `post_norm` may be empty.
  Residual(BlockNorms placement, Norm norm, Norm post_norm)
      : placement_(placement), norm_(std::move(norm)), post_norm_(std::move(post_norm)) {}

  /// What f reads: x itself, or norm(x) in Workspace::normed.
  ConstMatrix input(ConstMatrix x, EncodeContext& context) const;
  /// x = norm(x + y) or x + norm(y), for y = f(input(x)), which is overwritten.
  void add(Matrix y, Matrix x, EncodeContext& context) const;

 private:
  BlockNorms placement_ = BlockNorms::post;
  Norm norm_;
  Norm post_norm_;
};

}  // namespace embedtool
