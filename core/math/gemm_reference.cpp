// The reference: what the formula says, in f64. What the other backends are tested against, and
// what runs where none of them can.
#include "core/math/gemm_backends.hpp"
#include "core/math/half.hpp"
#include "core/math/kernels.hpp"
#include "core/math/matrix.hpp"
#include "core/math/panel.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace embedtool {
namespace {

/// Rounds an output's `n` weights to what `compute` multiplies; returns their scale.
float round_weights(const float* w, std::size_t n, Compute compute, float* out) {
  switch (compute) {
    case Compute::f32:
      std::copy_n(w, n, out);
      return 1.0F;
    case Compute::bf16:
      std::transform(w, w + n, out, [](float x) { return bf16_to_float(float_to_bf16(x)); });
      return 1.0F;
    case Compute::int8:
      break;
  }
  const float largest = n == 0 ? 0.0F : ConstMatrix(w, 1, n).cwiseAbs().maxCoeff();
  const float factor = largest > 0.0F ? 127.0F / largest : 0.0F;
  for (std::size_t i = 0; i < n; ++i) out[i] = std::nearbyint(w[i] * factor);
  return largest / 127.0F;
}

/// The same for a row of inputs, which in int8 have an offset as well.
RowScale round_inputs(const float* x, std::size_t n, Compute compute, float* out) {
  if (compute != Compute::int8) return {round_weights(x, n, compute, out), 0.0F};
  const auto [least, largest] = std::minmax_element(x, x + n);
  const float width = *largest - *least;
  const float factor = width > 0.0F ? 255.0F / width : 0.0F;
  for (std::size_t i = 0; i < n; ++i) out[i] = std::nearbyint((x[i] - *least) * factor);
  return {width / 255.0F, *least};
}

class ReferenceLinear final : public LinearLayer {
 public:
  explicit ReferenceLinear(const LinearParams& p)
      : params_(p), weight_(p.in * p.out), scale_(p.out), sum_(p.out) {
    for (std::size_t o = 0; o < p.out; ++o) {
      float* row = weight_.data() + o * p.in;
      scale_[o] = round_weights(p.weight + o * p.in, p.in, p.compute, row);
      sum_[o] = scale_[o] * std::accumulate(row, row + p.in, 0.0F);  // whole numbers: exact
    }
    if (p.bias != nullptr) bias_.assign(p.bias, p.bias + p.out);
  }

  void forward(const float* x, std::size_t rows, float* y, std::byte* scratch) const override {
    const ConstMatrix weight(weight_.data(), params_.out, params_.in);
    MatrixView<double> sums(reinterpret_cast<double*>(scratch), 1, params_.out);
    Matrix row(reinterpret_cast<float*>(scratch + sums_bytes()), 1, params_.in);
    for (std::size_t r = 0; r < rows; ++r) {
      const RowScale scale =
          round_inputs(x + r * params_.in, params_.in, params_.compute, row.data());
      // Lazy: each sum by itself, in one order whatever the matrix' size, and nothing allocated.
      sums.row(0) = row.cast<double>().lazyProduct(weight.transpose().cast<double>());
      for (std::size_t o = 0; o < params_.out; ++o) {
        y[r * params_.out + o] = std::fma(static_cast<float>(sums.data()[o]),
                                          scale.scale * scale_[o], scale.offset * sum_[o]);
      }
    }
    const float* bias = bias_.empty() ? nullptr : bias_.data();
    bias_activate({y, params_.out, rows, params_.out, bias, params_.activation});
  }

  std::size_t scratch_bytes() const override { return sums_bytes() + params_.in * sizeof(float); }
  std::size_t owned_bytes() const override {
    return (weight_.size() + scale_.size() + sum_.size() + bias_.size()) * sizeof(float);
  }

 private:
  std::size_t sums_bytes() const { return params_.out * sizeof(double); }

  LinearParams params_;
  std::vector<float> weight_;
  std::vector<float> scale_;  ///< [out]
  std::vector<float> sum_;    ///< [out]: scale Σ w
  std::vector<float> bias_;
};

class ReferenceBackend final : public GemmBackend {
 public:
  std::string_view name() const override { return "reference"; }
  std::string kernels(Compute) const override { return "plain loops"; }
  std::string unavailable(Compute) const override { return ""; }
  std::size_t row_block() const override { return 1; }
  std::unique_ptr<LinearLayer> make_linear(const LinearParams& params) const override {
    return std::make_unique<ReferenceLinear>(params);
  }
};

}  // namespace

const GemmBackend& reference_backend() {
  static const ReferenceBackend backend;
  return backend;
}

}  // namespace embedtool
