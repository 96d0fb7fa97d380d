#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/math/gemm.hpp"
#include "core/model/spec.hpp"
#include "core/model/weights.hpp"

namespace embedtool {

/// A LayerNorm or RMS norm over rows; one without a scale does nothing.
class Norm {
 public:
  Norm() = default;
  /// `prefix` names weight and bias. Throws Error(model) naming a tensor that does not fit.
  Norm(const ModelSpec& spec, const WeightReader& reader, const std::string& prefix,
       std::size_t size);

  bool empty() const { return scale_.empty(); }
  /// out[r] = norm(x[r]); out may be x.
  void apply(const float* x, std::size_t rows, float* out) const;
  /// out[r] = norm(x[r] + residual[r]); out may be either.
  void apply_sum(float* x, const float* residual, std::size_t rows, float* out) const;

 private:
  NormKind kind_ = NormKind::layer;
  float eps_ = 0.0F;
  std::vector<float> scale_;
  std::vector<float> shift_;
};

/// The weights of one block. Immutable.
struct Block {
  std::unique_ptr<LinearLayer> qkv;
  Norm query_norm, key_norm;
  std::unique_ptr<LinearLayer> attention_output;
  Norm attention_norm, attention_post_norm;
  std::unique_ptr<LinearLayer> ffn_up;
  std::unique_ptr<LinearLayer> ffn_down;
  Norm ffn_norm, ffn_post_norm;

  Block() = default;
  Block(const ModelSpec& spec, std::size_t layer, const WeightReader& reader,
        const LinearFactory& make);

  std::size_t scratch_bytes() const;
  std::size_t owned_bytes() const;
  std::size_t borrowed_bytes() const;
};

}  // namespace embedtool
