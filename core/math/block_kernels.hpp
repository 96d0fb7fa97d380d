#pragma once

// Kernels that only some transformer blocks use; those that all models share are in kernels.hpp.
// Pure, thread-safe and allocation-free; a row's result depends on the row alone. Pointers need no
// alignment.

#include <cstddef>

#include "core/math/activation.hpp"

namespace embedtool {

/// out[r] = x[r] / √(mean(x[r]²) + eps) · gamma for `rows` rows of `n` elements (Zhang and Sennrich
/// 2019). out may be x.
struct RmsNormArgs {
  const float* x;
  const float* gamma;
  float eps;
  std::size_t rows;
  std::size_t n;
  float* out;
};
void rms_norm(const RmsNormArgs& args);

/// out[r] = activation(gate[r]) · value[r], where a row of `x` holds the two, `n` elements each,
/// the gate first or second. Rows of x are 2n apart, rows of out n; out may be x (Shazeer 2020).
struct GateArgs {
  const float* x;
  std::size_t rows;
  std::size_t n;
  Activation activation;
  bool gate_second;
  float* out;
};
void gate(const GateArgs& args);

/// Rotates the first `dims` elements of each of `heads` heads, `head_dim` apart, in place (Su et
/// al. 2021): pairs (i, i + dims/2), or neighbours where `interleaved`, by angles whose cosines,
/// then sines, are in `angles` [dims].
struct RotateArgs {
  float* x;
  std::size_t heads;
  std::size_t head_dim;
  std::size_t dims;
  bool interleaved;
  const float* angles;
};
void rotate(const RotateArgs& args);

}  // namespace embedtool
