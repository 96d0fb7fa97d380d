#include "core/model/pooling.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "core/base/error.hpp"
#include "core/math/kernels.hpp"

namespace embedtool {
namespace {

constexpr std::array<std::pair<const char*, Pooling>, 7> kNames = {{
    {"cls", Pooling::cls},
    {"mean", Pooling::mean},
    {"max", Pooling::max},
    {"last", Pooling::last},
    {"weightedmean", Pooling::weighted_mean},
    {"mean_sqrt_len", Pooling::mean_sqrt_len},
    {"none", Pooling::none},
}};

}  // namespace

Pooling parse_pooling(const std::string& name) {
  for (const auto& [known, pooling] : kNames) {
    if (name == known) return pooling;
  }
  throw Error(ExitCode::usage,
              "unknown pooling \"{}\" (choose one of: cls, mean, max, last, weightedmean, "
              "mean_sqrt_len, none)",
              name);
}

const char* name_of(Pooling pooling) {
  for (const auto& [name, known] : kNames) {
    if (known == pooling) return name;
  }
  return "?";
}

void pool(Pooling pooling, const float* states, std::size_t tokens, std::size_t hidden,
          float* out) {
  std::fill_n(out, hidden, 0.0F);
  if (tokens == 0) return;
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
        add_scaled(out, states + t * hidden, static_cast<float>(t + 1), hidden);
      }
      scale(out, 2.0F / (count * (count + 1.0F)), hidden);
      return;
    case Pooling::none:
      break;
  }
}

}  // namespace embedtool
