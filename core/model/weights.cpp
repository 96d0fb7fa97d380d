#include "core/model/weights.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "core/base/error.hpp"
#include "core/math/kernels.hpp"
#include "core/math/matrix.hpp"

namespace embedtool {
namespace {

bool is_f8(DType type) {
  return type == DType::f8_e4m3 || type == DType::f8_e5m2;
}

bool is_float(DType type) {
  return type == DType::f32 || type == DType::f16 || type == DType::bf16 || is_blocked(type) ||
         is_f8(type);
}

/// "a.weight", or "weight" where the tensors have no prefix.
std::string member(const std::string& prefix, const char* part) {
  return prefix.empty() ? part : prefix + "." + part;
}

/// How far one scale reaches, in rows and columns of a matrix.
struct ScaleBlocks {
  std::size_t rows;
  std::size_t columns;
};

/// Scales come one a tensor, one an output (compressed-tensors) or one a square block; whoever
/// writes blocks makes them 128 wide (DeepSeek's recipe), of other widths only whole ones are
/// clear.
std::optional<ScaleBlocks> scale_blocks(const TensorView& scale, std::size_t out, std::size_t in) {
  constexpr std::size_t kUsual = 128;
  if (scale.elements() == 1) return ScaleBlocks{out, in};
  const auto count = [&](std::size_t axis) { return static_cast<std::size_t>(scale.shape[axis]); };
  if (scale.shape.size() == 1 && count(0) == out) return ScaleBlocks{1, in};
  if (scale.shape.size() != 2 || scale.elements() == 0) return std::nullopt;
  if (count(0) == out && count(1) == 1) return ScaleBlocks{1, in};
  const auto pieces = [](std::size_t n) { return (n + kUsual - 1) / kUsual; };
  if (count(0) == pieces(out) && count(1) == pieces(in)) return ScaleBlocks{kUsual, kUsual};
  if (out % count(0) != 0 || in % count(1) != 0) return std::nullopt;
  return ScaleBlocks{out / count(0), in / count(1)};
}

void add_change(const LowRankChange& change, Matrix matrix) {
  const auto rank = static_cast<std::size_t>(change.down->shape[0]);
  std::vector<float> down(rank * matrix.width());
  std::vector<float> up(matrix.height() * rank);
  widen_into(*change.down, down.data());
  widen_into(*change.up, up.data());
  matrix.noalias() += change.scale * (ConstMatrix(up.data(), matrix.height(), rank) *
                                      ConstMatrix(down.data(), rank, matrix.width()));
}

/// The tensor's floats in place, or null when they must be converted or are not aligned.
const float* in_place(const TensorView& tensor) {
  const auto address = reinterpret_cast<std::uintptr_t>(tensor.bytes.data());
  if (tensor.dtype != DType::f32 || address % alignof(float) != 0) return nullptr;
  return reinterpret_cast<const float*>(tensor.bytes.data());
}

}  // namespace

void widen_into(const TensorView& tensor, float* out) {
  if (!is_float(tensor.dtype)) {
    throw Error(ExitCode::model,
                "tensor {} has type {}, expected f32, f16, bf16, f8 or one of GGUF's", tensor.name,
                name_of(tensor.dtype));
  }
  widen(tensor.bytes.data(), tensor.dtype, static_cast<std::size_t>(tensor.elements()), out);
}

std::string_view without_prefix(std::string_view name, const std::vector<std::string>& prefixes) {
  for (const std::string& prefix : prefixes) {
    if (!prefix.empty() && name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

void choose_names(ModelSpec& spec, const WeightSource& source) {
  const WeightReader reader(source, spec.prefixes);
  const auto fits = [&](const TensorNames& names) {
    return reader.find(names.word_embeddings) != nullptr &&
           (names.query.empty() || reader.find(layer_name(names.query, 0) + ".weight") != nullptr);
  };
  if (spec.other_names.empty() || fits(spec.names)) return;
  const auto found = std::find_if(spec.other_names.begin(), spec.other_names.end(), fits);
  if (found != spec.other_names.end()) spec.names = *found;
}

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
  std::vector<float> out(size);
  widen_into(require(name, {size}), out.data());
  return out;
}

void WeightReader::matrix(const std::string& prefix, std::size_t out, std::size_t in,
                          float* values) const {
  const TensorView& tensor = require(member(prefix, "weight"), {out, in});
  widen_into(tensor, values);
  if (is_f8(tensor.dtype)) scale_f8(tensor, prefix, out, in, values);
  if (const LowRankChange* change = source_.change_of(tensor)) {
    add_change(*change, Matrix(values, out, in));
  }
}

void WeightReader::scale_f8(const TensorView& tensor, const std::string& prefix, std::size_t out,
                            std::size_t in, float* values) const {
  for (const char* name : {"weight_scale", "weight_scale_inv"}) {
    if (const TensorView* scale = find(member(prefix, name))) {
      return apply_scales(tensor, *scale, out, in, values);
    }
  }
}

/// What both names mean is a factor of the stored values.
void WeightReader::apply_scales(const TensorView& tensor, const TensorView& scale, std::size_t out,
                                std::size_t in, float* values) const {
  const std::optional<ScaleBlocks> blocks = scale_blocks(scale, out, in);
  if (!blocks) {
    throw Error(ExitCode::model, "{}: {} has shape [{}], which does not fit {} of [{}, {}]",
                source_.describe(), scale.name, fmt::join(scale.shape, ", "), tensor.name, out, in);
  }
  std::vector<float> factors(static_cast<std::size_t>(scale.elements()));
  widen_into(scale, factors.data());
  const Matrix matrix(values, out, in);
  const float* factor = factors.data();
  for (std::size_t r = 0; r < out; r += blocks->rows) {
    const Matrix rows = matrix.rows_from(r, std::min(blocks->rows, out - r));
    for (std::size_t c = 0; c < in; c += blocks->columns) {
      rows.columns_from(c, std::min(blocks->columns, in - c)) *= *factor++;
    }
  }
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
  if (find(member(prefix, "bias")) == nullptr) return {};
  return vector(member(prefix, "bias"), size);
}

TensorView WeightReader::view_of(const Slice& slice, std::size_t rows, std::size_t columns) const {
  const TensorView* found = find(slice.tensor);
  const bool is_flat = found == nullptr || found->shape.size() != 3;
  const TensorView& tensor = is_flat ? require(slice.tensor, {slice.count * rows, columns})
                                     : require(slice.tensor, {slice.count, rows, columns});
  if (is_f8(tensor.dtype)) {
    throw Error(ExitCode::model, "{}: tensor {} holds several matrices as f8, which is not read",
                source_.describe(), tensor.name);
  }
  const std::size_t bytes = tensor.bytes.size() / slice.count;
  return {tensor.name,
          tensor.dtype,
          {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)},
          tensor.bytes.subspan(slice.index * bytes, bytes)};
}

Linear WeightReader::linear(const Slice& slice, std::size_t in, std::size_t out,
                            Activation activation, const LinearFactory& make) const {
  const std::size_t rows = slice.by_input ? in : out;
  const std::size_t columns = slice.by_input ? out : in;
  const TensorView stored = view_of(slice, rows, columns);
  LinearParams params{.in = in, .out = out, .activation = activation, .compute = make.compute};
  std::vector<float> converted;
  if (!slice.by_input) params.weight = in_place(stored);
  params.weight_outlives_layer = params.weight != nullptr;
  if (params.weight == nullptr) {
    converted.resize(in * out);
    widen_into(stored, converted.data());
    if (slice.by_input) {
      const RowMajorMatrix<float> weight = ConstMatrix(converted.data(), in, out).transpose();
      std::copy_n(weight.data(), in * out, converted.data());
    }
    params.weight = converted.data();
  }
  Linear layer(params, make);
  if (layer.borrowed_bytes() == 0) release(stored);
  return layer;
}

Linear WeightReader::linear(const std::vector<Part>& parts, std::size_t in, Activation activation,
                            const LinearFactory& make) const {
  std::size_t out = 0;
  for (const Part& part : parts) out += part.out;
  LinearParams params{.in = in, .out = out, .activation = activation, .compute = make.compute};
  std::vector<float> stacked;
  if (parts.size() == 1) {
    const TensorView& tensor = require(member(parts[0].prefix, "weight"), {out, in});
    if (source_.change_of(tensor) == nullptr) params.weight = in_place(tensor);
    params.weight_outlives_layer = params.weight != nullptr;
  }
  if (params.weight == nullptr) {
    stacked.resize(in * out);
    float* rows = stacked.data();
    for (const Part& part : parts) {
      matrix(part.prefix, part.out, in, rows);
      release(require(member(part.prefix, "weight"), {part.out, in}));
      rows += part.out * in;
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
  Linear layer(params, make);
  if (params.weight_outlives_layer && layer.borrowed_bytes() == 0) {
    release(require(parts[0].prefix + ".weight", {out, in}));
  }
  return layer;
}

}  // namespace embedtool
