#include "core/pipeline/closeness.hpp"

#include <algorithm>
#include <cmath>

#include "core/base/check.hpp"

namespace embedtool {
namespace {

double cosine(const float* a, const float* b, std::size_t dims) {
  double product = 0;
  double a_square = 0;
  double b_square = 0;
  for (std::size_t i = 0; i < dims; ++i) {
    product += double{a[i]} * double{b[i]};
    a_square += double{a[i]} * double{a[i]};
    b_square += double{b[i]} * double{b[i]};
  }
  if (a_square == 0 && b_square == 0) return 1;
  const double c = product / std::sqrt(a_square * b_square);
  return std::isfinite(c) ? c : -1;
}

}  // namespace

Closeness compare_vectors(std::span<const float> a, std::span<const float> b, std::size_t dims) {
  EMBEDTOOL_CHECK(a.size() == b.size());
  const std::size_t count = dims == 0 ? 0 : std::min(a.size(), b.size()) / dims;
  if (count == 0) return {};
  Closeness all{1, 0};
  for (std::size_t i = 0; i < count; ++i) {
    const double c = cosine(a.data() + i * dims, b.data() + i * dims, dims);
    all.worst = std::min(all.worst, c);
    all.mean += c / static_cast<double>(count);
  }
  return all;
}

}  // namespace embedtool
