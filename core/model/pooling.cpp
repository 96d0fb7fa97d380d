#include "core/model/pooling.hpp"

#include <algorithm>
#include <cmath>

#include "core/base/check.hpp"
#include "core/math/kernels.hpp"

namespace embedtool {

void pool(Pooling pooling, const float* states, std::size_t tokens, std::size_t hidden, float* out,
          std::size_t skipped) {
  EMBEDTOOL_CHECK(pooling != Pooling::none);
  std::fill_n(out, hidden, 0.0F);
  if (tokens == 0) return;
  if (skipped >= tokens) {
    if (pooling == Pooling::cls) std::copy_n(states, hidden, out);
    return;
  }
  const auto before = static_cast<float>(skipped);
  states += skipped * hidden;
  tokens -= skipped;
  const auto count = static_cast<float>(tokens);
  switch (pooling) {
    case Pooling::cls:
      std::copy_n(states, hidden, out);
      return;
    case Pooling::last:
      std::copy_n(states + (tokens - 1) * hidden, hidden, out);
      return;
    case Pooling::max:
      std::copy_n(states, hidden, out);
      for (std::size_t t = 1; t < tokens; ++t) maximum(out, states + t * hidden, hidden);
      return;
    case Pooling::mean:
    case Pooling::mean_sqrt_len:
      for (std::size_t t = 0; t < tokens; ++t) add(out, states + t * hidden, hidden);
      scale(out, 1.0F / (pooling == Pooling::mean ? count : std::sqrt(count)), hidden);
      return;
    case Pooling::weighted_mean:
      for (std::size_t t = 0; t < tokens; ++t) {
        add_scaled(out, states + t * hidden, static_cast<float>(skipped + t + 1), hidden);
      }
      scale(out, 2.0F / (count * (count + 2.0F * before + 1.0F)), hidden);
      return;
    case Pooling::none:
      break;
  }
}

}  // namespace embedtool
