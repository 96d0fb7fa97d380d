#pragma once

#include <cstddef>
#include <functional>

namespace embedtool {

/// A product of a backend that is being checked: y[rows, out] = x[rows, in] Wᵀ, W [out, in].
struct RowCheck {
  std::size_t rows;
  std::size_t in;
  std::size_t out;
  std::function<void(const float* x, const float* weight, float* y)> multiply;
};

/// True when equal rows of inputs give equal rows of results, bit for bit, wherever they are in the
/// call: the contract of LinearLayer, which some kernels of other libraries break.
bool rows_are_independent(const RowCheck& check);

}  // namespace embedtool
