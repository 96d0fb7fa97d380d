// The reference: plain loops, f64 sums. What the other backends are tested against, and what runs
// where none of them can.
#include "core/math/gemm_backends.hpp"
#include "core/math/kernels.hpp"

#include <vector>

namespace embedtool {
namespace {

class ReferenceLinear final : public LinearLayer {
 public:
  explicit ReferenceLinear(const LinearParams& p) : params_(p) {
    weight_.assign(p.weight, p.weight + p.in * p.out);
    if (p.bias != nullptr) bias_.assign(p.bias, p.bias + p.out);
  }

  void forward(const float* x, std::size_t rows, float* y, std::byte*) const override {
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t o = 0; o < params_.out; ++o) {
        double sum = 0;
        for (std::size_t i = 0; i < params_.in; ++i) {
          sum += static_cast<double>(x[r * params_.in + i]) *
                 static_cast<double>(weight_[o * params_.in + i]);
        }
        y[r * params_.out + o] = static_cast<float>(sum);
      }
    }
    bias_activate(y, bias_.empty() ? nullptr : bias_.data(), rows, params_.out, params_.activation);
  }

  std::size_t owned_bytes() const override {
    return (weight_.size() + bias_.size()) * sizeof(float);
  }

 private:
  LinearParams params_;
  std::vector<float> weight_;
  std::vector<float> bias_;
};

class ReferenceBackend final : public GemmBackend {
 public:
  std::string_view name() const override { return "reference"; }
  std::string kernels() const override { return "plain loops"; }
  std::string unavailable() const override { return ""; }
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
