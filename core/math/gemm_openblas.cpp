// OpenBLAS, loaded at run time. Loading it ourselves instead of linking it lets us choose its
// kernels first: it reads OPENBLAS_CORETYPE while it is being loaded, and the version in Debian 12
// takes its Haswell kernels on CPUs newer than it knows, although they have AVX-512.
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include <cblas.h>

#include "core/base/error.hpp"
#include "core/math/gemm_backends.hpp"
#include "core/math/kernels.hpp"
#include "core/math/row_check.hpp"

namespace embedtool {
namespace {

/// Rows of one GEMM call: enough to amortise OpenBLAS' packing of the weights (96 rows reach 92 %
/// of what 1024 do), few enough that the padding of a batch's last block stays cheap.
constexpr std::size_t kRowBlock = 96;

class OpenBlas {
 public:
  static const OpenBlas& instance() {
    static const OpenBlas library;
    return library;
  }

  const std::string& problem() const { return problem_; }
  const std::string& core_name() const { return core_name_; }

  /// y[rows, out] = x[rows, in] Wᵀ, W [out, in]
  void multiply(const float* x, std::size_t rows, const float* weight, std::size_t in,
                std::size_t out, float* y) const {
    const auto m = static_cast<blasint>(rows);
    const auto n = static_cast<blasint>(out);
    const auto k = static_cast<blasint>(in);
    sgemm_(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1.0F, x, k, weight, k, 0.0F, y, n);
  }

 private:
  OpenBlas() {
    choose_kernels();
    // One thread per call: parallelism is ours. Set before loading, so that none are started.
    ::setenv("OPENBLAS_NUM_THREADS", "1", 1);
    void* library = ::dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      problem_ = fmt::format("{} (install libopenblas0)", ::dlerror());
      return;
    }
    sgemm_ = reinterpret_cast<decltype(sgemm_)>(::dlsym(library, "cblas_sgemm"));
    const auto core = reinterpret_cast<char* (*)()>(::dlsym(library, "openblas_get_corename"));
    if (sgemm_ == nullptr || core == nullptr) {
      problem_ = "libopenblas.so.0 lacks cblas_sgemm or openblas_get_corename";
      return;
    }
    core_name_ = core();
    if (!keeps_rows_apart()) {
      problem_ = fmt::format(
          "its {} kernels make a row's result depend on the row's place in the batch; choose "
          "another backend, or other kernels with OPENBLAS_CORETYPE=Sandybridge",
          core_name_);
    }
  }

  static void choose_kernels() {
    constexpr int kKeepUsersChoice = 0;
    const std::string isa = kernel_isa();
    if (isa == "AVX3") ::setenv("OPENBLAS_CORETYPE", "SkylakeX", kKeepUsersChoice);
    if (isa == "AVX2") ::setenv("OPENBLAS_CORETYPE", "Haswell", kKeepUsersChoice);
    if (isa == "SSE4" || isa == "SSSE3") {
      ::setenv("OPENBLAS_CORETYPE", "Core2", kKeepUsersChoice);
    }
#if defined(__x86_64__)
    // Its Opteron kernels have 3DNow! instructions, which it does not ask the CPU about.
    if (isa == "SCALAR" && __builtin_cpu_supports("sse3") != 0) {
      ::setenv("OPENBLAS_CORETYPE", "Prescott", kKeepUsersChoice);
    }
#endif
  }

  /// The Haswell and Zen kernels do not: of every 12 rows they sum the last 6 in another order.
  bool keeps_rows_apart() const {
    return rows_are_independent(
        {kRowBlock, 96, 64, [this](const float* x, const float* weight, float* y) {
           multiply(x, kRowBlock, weight, 96, 64, y);
         }});
  }

  decltype(&cblas_sgemm) sgemm_ = nullptr;
  std::string core_name_;
  std::string problem_;
};

class OpenBlasLinear final : public LinearLayer {
 public:
  explicit OpenBlasLinear(const LinearParams& p) : blas_(OpenBlas::instance()), params_(p) {
    if (!p.weight_outlives_layer) {
      weight_.assign(p.weight, p.weight + p.in * p.out);
      params_.weight = weight_.data();
    }
    if (p.bias != nullptr) {
      bias_.assign(p.bias, p.bias + p.out);
      params_.bias = bias_.data();
    }
  }

  void forward(const float* x, std::size_t rows, float* y, std::byte*) const override {
    for (std::size_t r = 0; r < rows; r += kRowBlock) {
      float* block = y + r * params_.out;
      blas_.multiply(x + r * params_.in, kRowBlock, params_.weight, params_.in, params_.out, block);
      // The epilogue follows while the block is in cache.
      bias_activate({block, params_.out, std::min(kRowBlock, rows - r), params_.out, params_.bias,
                     params_.activation});
    }
  }

  std::size_t owned_bytes() const override {
    return (weight_.size() + bias_.size()) * sizeof(float);
  }
  std::size_t borrowed_bytes() const override {
    return weight_.empty() ? params_.in * params_.out * sizeof(float) : 0;
  }

 private:
  const OpenBlas& blas_;
  LinearParams params_;
  std::vector<float> weight_;
  std::vector<float> bias_;
};

class OpenBlasBackend final : public GemmBackend {
 public:
  std::string_view name() const override { return "openblas"; }
  std::string kernels(Compute) const override { return OpenBlas::instance().core_name(); }
  std::string unavailable(Compute compute) const override {
    if (compute != Compute::f32) return "it multiplies f32 only";
    return OpenBlas::instance().problem();
  }
  std::size_t row_block() const override { return kRowBlock; }
  std::unique_ptr<LinearLayer> make_linear(const LinearParams& params) const override {
    return std::make_unique<OpenBlasLinear>(params);
  }
};

}  // namespace

const GemmBackend& openblas_backend() {
  static const OpenBlasBackend backend;
  return backend;
}

}  // namespace embedtool
