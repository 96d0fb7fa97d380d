#include "core/model/weights.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>

#include "core/base/error.hpp"
#include "core/math/kernels.hpp"

namespace embedtool {
namespace {

bool is_float(DType type) {
  return type == DType::f32 || type == DType::f16 || type == DType::bf16 || type == DType::q8_0;
}

void append_widened(const TensorView& tensor, std::vector<float>& out) {
  const auto n = static_cast<std::size_t>(tensor.elements());
  if (!is_float(tensor.dtype)) {
    throw Error(ExitCode::model, "tensor {} has type {}, expected f32, f16, bf16 or q8_0",
                tensor.name, name_of(tensor.dtype));
  }
  out.resize(out.size() + n);
  widen(tensor.bytes.data(), tensor.dtype, n, out.data() + (out.size() - n));
}

/// The tensor's floats in place, or null when they must be converted or are not aligned.
const float* in_place(const TensorView& tensor) {
  const auto address = reinterpret_cast<std::uintptr_t>(tensor.bytes.data());
  if (tensor.dtype != DType::f32 || address % alignof(float) != 0) return nullptr;
  return reinterpret_cast<const float*>(tensor.bytes.data());
}

}  // namespace

WeightReader::WeightReader(const WeightSource& source, std::vector<std::string> prefixes)
    : source_(source), prefixes_(std::move(prefixes)) {
  prefixes_.insert(prefixes_.begin(), "");
}

const TensorView* WeightReader::find(const std::string& name) const {
  for (const std::string& prefix : prefixes_) {
    if (const TensorView* tensor = source_.find(prefix + name)) return tensor;
  }
  return nullptr;
}

const TensorView& WeightReader::require(const std::string& name,
                                        std::initializer_list<std::size_t> shape) const {
  const TensorView* tensor = find(name);
  if (tensor == nullptr) {
    throw Error(ExitCode::model,
                "{}: tensor {} is missing (is this the model that config.json "
                "describes?)",
                source_.describe(), name);
  }
  const bool equal = std::equal(
      shape.begin(), shape.end(), tensor->shape.begin(), tensor->shape.end(),
      [](std::size_t want, std::int64_t got) { return static_cast<std::int64_t>(want) == got; });
  if (!equal) {
    throw Error(ExitCode::model, "{}: tensor {} has shape [{}], but config.json says [{}]",
                source_.describe(), tensor->name, fmt::join(tensor->shape, ", "),
                fmt::join(shape, ", "));
  }
  return *tensor;
}

std::vector<float> WeightReader::vector(const std::string& name, std::size_t size) const {
  std::vector<float> out;
  append_widened(require(name, {size}), out);
  return out;
}

std::vector<float> WeightReader::norm_scale(const std::string& prefix, std::size_t size) const {
  const bool old = find(prefix + ".weight") == nullptr && find(prefix + ".gamma") != nullptr;
  return vector(prefix + (old ? ".gamma" : ".weight"), size);
}

std::vector<float> WeightReader::norm_shift(const std::string& prefix, std::size_t size) const {
  const bool old = find(prefix + ".bias") == nullptr && find(prefix + ".beta") != nullptr;
  return vector(prefix + (old ? ".beta" : ".bias"), size);
}

std::vector<float> WeightReader::bias(const std::string& prefix, std::size_t size) const {
  if (find(prefix + ".bias") == nullptr) return {};
  return vector(prefix + ".bias", size);
}

std::unique_ptr<LinearLayer> WeightReader::linear(const std::vector<std::string>& prefixes,
                                                  std::size_t in, std::size_t out,
                                                  Activation activation,
                                                  const LinearFactory& make) const {
  std::vector<Part> parts;
  for (const std::string& prefix : prefixes) parts.push_back({prefix, out / prefixes.size()});
  return linear(parts, in, activation, make);
}

std::unique_ptr<LinearLayer> WeightReader::linear(const std::vector<Part>& parts, std::size_t in,
                                                  Activation activation,
                                                  const LinearFactory& make) const {
  std::size_t out = 0;
  for (const Part& part : parts) out += part.out;
  LinearParams params{nullptr, nullptr, in, out, activation, make.compute, false};
  std::vector<float> stacked;
  if (parts.size() == 1) {
    params.weight = in_place(require(parts[0].prefix + ".weight", {out, in}));
    params.weight_outlives_layer = params.weight != nullptr;
  }
  if (params.weight == nullptr) {
    stacked.reserve(in * out);
    for (const Part& part : parts) {
      const TensorView& weight = require(part.prefix + ".weight", {part.out, in});
      append_widened(weight, stacked);
      release(weight);
    }
    params.weight = stacked.data();
  }
  std::vector<float> biases;
  std::size_t before = 0;
  for (const Part& part : parts) {
    const std::vector<float> b = bias(part.prefix, part.out);
    // A layer without a bias beside one with: zeros in its place.
    if (!b.empty()) biases.resize(before);
    biases.insert(biases.end(), b.begin(), b.end());
    before += part.out;
  }
  if (!biases.empty()) {
    biases.resize(out);
    params.bias = biases.data();
  }
  std::unique_ptr<LinearLayer> layer = make.backend.make_linear(params);
  if (params.weight_outlives_layer && layer->borrowed_bytes() == 0) {
    release(require(parts[0].prefix + ".weight", {out, in}));
  }
  return layer;
}

std::string layer_name(const std::string& pattern, std::size_t layer) {
  const std::size_t at = pattern.find("{}");
  if (at == std::string::npos) return pattern;
  return pattern.substr(0, at) + std::to_string(layer) + pattern.substr(at + 2);
}

}  // namespace embedtool
