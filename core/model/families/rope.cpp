#include "core/model/families/rope.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kMostDims = std::size_t{1} << 16U;

/// One object of rope settings.
class Settings {
 public:
  Settings(const ConfigSource& config, std::string path)
      : config_(config), path_(std::move(path)) {}

  std::string key(const char* name) const { return path_ + "." + name; }
  std::optional<double> number(const char* name) const { return config_.number(key(name)); }
  std::string type() const {
    const auto type = config_.string(key("rope_type"));
    const auto old_type = config_.string(key("type"));
    return type.value_or(old_type.value_or("default"));
  }
  /// A number that the type needs, positive.
  double required(const char* name) const {
    const auto value = number(name);
    if (value && *value > 0.0 && std::isfinite(*value)) return *value;
    throw Error(ExitCode::model, "\"{}\" of type \"{}\" needs a positive number", key(name),
                type());
  }
  bool flag(const char* name, bool usual) const {
    return config_.boolean(key(name)).value_or(usual);
  }
  const std::string& path() const { return path_; }

 private:
  const ConfigSource& config_;
  std::string path_;
};

std::vector<double> plain_steps(double base, std::size_t dims) {
  std::vector<double> steps(dims / 2);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    steps[i] = std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(dims));
  }
  return steps;
}

// YaRN (Peng et al. 2023): fast pairs keep their angles, slow ones are stretched, with a ramp
// between the two.
void apply_yarn(const Settings& settings, const RopeSource& source, RopeAngles& angles) {
  const double factor = settings.required("factor");
  const double trained = settings.number("original_max_position_embeddings")
                             .value_or(static_cast<double>(source.trained));
  const auto dims = static_cast<double>(source.dims);
  const auto pair_of = [&](double turns) {
    return dims * std::log(trained / (turns * 2.0 * std::numbers::pi)) /
           (2.0 * std::log(angles.base));
  };
  double low = pair_of(settings.number("beta_fast").value_or(32.0));
  double high = pair_of(settings.number("beta_slow").value_or(1.0));
  if (settings.flag("truncate", true)) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dims - 1.0);
  if (low == high) high += 0.001;
  for (std::size_t i = 0; i < angles.steps.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    angles.steps[i] *= (1.0 - ramp) + ramp / factor;
  }
  const auto scale = [factor](double mscale) {
    return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
  };
  const double mscale = settings.number("mscale").value_or(0.0);
  const double all_dims = settings.number("mscale_all_dim").value_or(0.0);
  const bool both = mscale != 0.0 && all_dims != 0.0;
  angles.magnitude = settings.number("attention_factor")
                         .value_or(both ? scale(mscale) / scale(all_dims) : scale(1.0));
}

// Llama 3.1: slow pairs are stretched, those of a middle wave length in part.
void apply_llama3(const Settings& settings, RopeAngles& angles) {
  const double factor = settings.required("factor");
  const double low = settings.required("low_freq_factor");
  const double high = settings.required("high_freq_factor");
  const double trained = settings.required("original_max_position_embeddings");
  for (double& step : angles.steps) {
    const double length = 2.0 * std::numbers::pi / step;
    const double kept = std::clamp((trained / length - low) / (high - low), 0.0, 1.0);
    step *= (1.0 - kept) / factor + kept;
  }
}

void apply_scaling(const Settings& settings, const RopeSource& source, RopeAngles& angles) {
  const std::string type = settings.type();
  if (type == "default") return;
  angles.steps = plain_steps(angles.base, source.dims);
  if (type == "linear") {
    const double factor = settings.required("factor");
    for (double& step : angles.steps) step /= factor;
  } else if (type == "dynamic") {
    angles.steps.clear();
    angles.limit =
        static_cast<std::size_t>(std::min(settings.number("original_max_position_embeddings")
                                              .value_or(static_cast<double>(source.trained)),
                                          static_cast<double>(source.trained)));
  } else if (type == "yarn") {
    apply_yarn(settings, source, angles);
  } else if (type == "llama3") {
    apply_llama3(settings, angles);
  } else {
    throw Error(
        ExitCode::model,
        "{} of type \"{}\" is not supported (default, linear, dynamic, yarn and llama3 are)",
        settings.path(), type);
  }
}

}  // namespace

RopeAngles read_rope(const ConfigSource& config, const RopeSource& source) {
  if (source.dims > kMostDims) {
    throw Error(ExitCode::model, "heads of {} rotated elements", source.dims);
  }
  std::string path = "rope_parameters";
  const std::string own = path + "." + std::string(source.layers);
  if (!source.layers.empty() && config.has(own)) path = own;
  RopeAngles angles;
  const auto old_base = config.number(source.theta);
  angles.base = config.number(path + ".rope_theta").value_or(old_base.value_or(source.usual_base));
  if (!(angles.base > 1.0) || !std::isfinite(angles.base)) {
    throw Error(ExitCode::model, "rotary positions with the base {} are not supported",
                angles.base);
  }
  if (config.has(path)) {
    apply_scaling(Settings(config, path), source, angles);
  } else if (source.scales && config.has("rope_scaling")) {
    apply_scaling(Settings(config, "rope_scaling"), source, angles);
  }
  return angles;
}

}  // namespace embedtool
