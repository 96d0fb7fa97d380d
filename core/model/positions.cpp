#include "core/model/positions.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/math/kernels.hpp"

namespace embedtool {
namespace {

/// Angle per position of each of `dims` / 2 pairs.
std::vector<double> rotary_steps(double base, double divisor, std::size_t dims) {
  std::vector<double> steps(dims / 2);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(dims);
    steps[i] = std::pow(base, -exponent) / divisor;
  }
  return steps;
}

// Angles are computed in f64 and rounded once.
std::vector<float> rotary_table(const std::vector<double>& steps, double magnitude,
                                std::size_t positions) {
  const std::size_t half = steps.size();
  const std::size_t dims = 2 * half;
  std::vector<float> table(positions * dims);
  for (std::size_t i = 0; i < half; ++i) {
    for (std::size_t p = 0; p < positions; ++p) {
      const double angle = static_cast<double>(p) * steps[i];
      table[p * dims + i] = static_cast<float>(magnitude * std::cos(angle));
      table[p * dims + half + i] = static_cast<float>(magnitude * std::sin(angle));
    }
  }
  return table;
}

}  // namespace

AttentionPositions::AttentionPositions(const ModelSpec& spec, const WeightReader& reader) {
  const bool rotates = spec.positions == Positions::rotary;
  if (!rotates && spec.positions != Positions::alibi && !spec.relative_bias) return;
  if (spec.max_positions == 0) {
    throw Error(ExitCode::model, "the configuration does not give a maximum sequence length");
  }
  reach_ = spec.max_positions - 1;
  if (rotates) {
    rotated_ = spec.rotary.dims == 0 ? spec.head_dim() : spec.rotary.dims;
    const RotarySpec& rotary = spec.rotary;
    const auto steps_of = [&](const std::vector<double>& steps, double base) {
      return steps.empty() ? rotary_steps(base, rotary.divisor, rotated_) : steps;
    };
    angles_ =
        rotary_table(steps_of(rotary.steps, rotary.base), rotary.magnitude, spec.max_positions);
    if (!spec.local_layers.empty()) {
      local_angles_ = rotary_table(steps_of(rotary.local_steps, rotary.local_base),
                                   rotary.local_magnitude, spec.max_positions);
    }
  }
  if (spec.positions == Positions::alibi) make_slopes(spec);
  if (spec.relative_bias) read_buckets(spec, reader);
}

void AttentionPositions::read_buckets(const ModelSpec& spec, const WeightReader& reader) {
  const TensorView* tensor = reader.find(spec.names.relative_bias);
  if (tensor == nullptr || tensor->shape.size() != 2 || tensor->shape[0] < 4 ||
      tensor->shape[0] % 4 != 0 || tensor->shape[0] > 65536) {
    throw Error(ExitCode::model, "no tensor {} with a row for each bucket of distances",
                spec.names.relative_bias);
  }
  const auto buckets = static_cast<std::size_t>(tensor->shape[0]);
  const TensorView& table = reader.require(spec.names.relative_bias, {buckets, spec.heads});
  std::vector<float> rows(buckets * spec.heads);
  widen(table.bytes.data(), table.dtype, rows.size(), rows.data());
  bias_.resize(spec.heads * bias_stride());
  const auto reach = static_cast<std::ptrdiff_t>(reach_);
  for (std::ptrdiff_t distance = -reach; distance <= reach; ++distance) {
    const std::size_t bucket = relative_bucket(distance, buckets, spec.relative_distance);
    for (std::size_t head = 0; head < spec.heads; ++head) {
      bias_[head * bias_stride() + static_cast<std::size_t>(distance + reach)] =
          rows[bucket * spec.heads + head];
    }
  }
}

void AttentionPositions::make_slopes(const ModelSpec& spec) {
  const std::vector<double> slopes = alibi_slopes(spec.heads);
  bias_.resize(spec.heads * bias_stride());
  for (std::size_t head = 0; head < spec.heads; ++head) {
    float* row = bias_.data() + head * bias_stride() + reach_;
    for (std::size_t d = 0; d <= reach_; ++d) {
      const auto value = static_cast<float>(-slopes[head] * static_cast<double>(d));
      row[static_cast<std::ptrdiff_t>(d)] = value;
      row[-static_cast<std::ptrdiff_t>(d)] = value;
    }
  }
}

std::size_t relative_bucket(std::ptrdiff_t distance, std::size_t buckets, std::size_t furthest) {
  EMBEDTOOL_CHECK(buckets >= 4 && buckets % 4 == 0);
  const std::size_t half = buckets / 2;
  const std::size_t exact = half / 2;
  const std::size_t side = distance > 0 ? half : 0;
  const auto far = static_cast<std::size_t>(distance > 0 ? distance : -distance);
  if (far < exact) return side + far;
  // In f32, as the originals compute it: whole results must not round differently.
  const float ratio =
      std::log(static_cast<float>(far) / static_cast<float>(exact)) /
      static_cast<float>(std::log(static_cast<double>(furthest) / static_cast<double>(exact)));
  const auto grown = exact + static_cast<std::size_t>(ratio * static_cast<float>(half - exact));
  return side + std::min(grown, half - 1);
}

std::vector<double> alibi_slopes(std::size_t heads) {
  EMBEDTOOL_CHECK(heads > 0);
  const std::size_t power = std::bit_floor(heads);
  const auto sequence = [](std::size_t n) {
    std::vector<double> slopes;
    for (std::size_t i = 1; i <= n; ++i) {
      slopes.push_back(std::exp2(-8.0 * static_cast<double>(i) / static_cast<double>(n)));
    }
    return slopes;
  };
  std::vector<double> slopes = sequence(power);
  const std::vector<double> finer = sequence(2 * power);
  for (std::size_t i = 0; slopes.size() < heads; i += 2) slopes.push_back(finer[i]);
  return slopes;
}

}  // namespace embedtool
