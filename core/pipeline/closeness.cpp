#include "core/pipeline/closeness.hpp"

#include <algorithm>
#include <cmath>

#include "core/base/check.hpp"
#include "core/math/matrix.hpp"

namespace embedtool {
namespace {

double cosine(ConstMatrix a_row, ConstMatrix b_row) {
  const auto a = a_row.row(0).cast<double>();
  const auto b = b_row.row(0).cast<double>();
  const double a_square = a.squaredNorm();
  const double b_square = b.squaredNorm();
  if (a_square == 0 && b_square == 0) return 1;
  const double c = a.dot(b) / std::sqrt(a_square * b_square);
  return std::isfinite(c) ? c : -1;
}

}  // namespace

Closeness compare_vectors(std::span<const float> a, std::span<const float> b, std::size_t dims) {
  EMBEDTOOL_CHECK(a.size() == b.size());
  const std::size_t count = dims == 0 ? 0 : std::min(a.size(), b.size()) / dims;
  if (count == 0) return {};
  Closeness all{1, 0};
  const ConstMatrix a_rows(a.data(), count, dims);
  const ConstMatrix b_rows(b.data(), count, dims);
  for (std::size_t i = 0; i < count; ++i) {
    const double c = cosine(a_rows.rows_from(i, 1), b_rows.rows_from(i, 1));
    all.worst = std::min(all.worst, c);
    all.mean += c / static_cast<double>(count);
  }
  return all;
}

}  // namespace embedtool
