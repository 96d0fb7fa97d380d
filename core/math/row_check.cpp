#include "core/math/row_check.hpp"

#include <cstdint>
#include <cstring>
#include <vector>

namespace embedtool {

bool rows_are_independent(const RowCheck& check) {
  std::vector<float> x(check.rows * check.in);
  std::vector<float> weight(check.out * check.in);
  std::vector<float> y(check.rows * check.out);
  std::uint32_t state = 1;  // a linear congruential generator: any numbers with full mantissas
  const auto next = [&state] {
    state = state * 1664525U + 1013904223U;
    return static_cast<float>(state) / 4294967296.0F - 0.5F;
  };
  for (float& w : weight) w = next();
  for (std::size_t i = 0; i < check.in; ++i) x[i] = next();
  for (std::size_t r = 1; r < check.rows; ++r) {
    std::memcpy(&x[r * check.in], x.data(), check.in * sizeof(float));
  }
  check.multiply(x.data(), weight.data(), y.data());
  for (std::size_t r = 1; r < check.rows; ++r) {
    if (std::memcmp(&y[r * check.out], y.data(), check.out * sizeof(float)) != 0) return false;
  }
  return true;
}

}  // namespace embedtool
