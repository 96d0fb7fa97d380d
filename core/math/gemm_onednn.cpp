// oneDNN: weights packed once at load, just-in-time kernels for the best instruction set.
#ifdef EMBEDTOOL_ONEDNN

#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/base/error.hpp"
#include "core/math/gemm_backends.hpp"
#include "core/math/kernels.hpp"

// libgomp's; declared here because the program itself uses no OpenMP. The setting is per thread.
extern "C" void omp_set_num_threads(int);

namespace embedtool {
namespace {

using dnnl::memory;

/// Rows of one primitive. oneDNN compiles a kernel per shape, so that any row count would do, but
/// each would cost a compilation; 64 rows reach the peak (measured), and a block's FFN
/// intermediate of 64 × 3072 floats stays in L2.
constexpr std::size_t kRowBlock = 64;

/// Limits oneDNN to what kernels are limited to (EMBEDTOOL_ISA); works once, before first use.
void follow_forced_isa() {
  const std::string isa = kernel_isa();
  if (isa == "AVX2") dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx2);
  if (isa == "SSE4" || isa == "SSSE3") dnnl::set_max_cpu_isa(dnnl::cpu_isa::sse41);
}

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine = [] {
    follow_forced_isa();
    return dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return engine;
}

/// A stream for this thread, which also makes oneDNN use this thread alone.
const dnnl::stream& thread_stream() {
  thread_local const dnnl::stream stream = [] {
    omp_set_num_threads(1);
    return dnnl::stream(cpu_engine());
  }();
  return stream;
}

class OneDnnLinear final : public LinearLayer {
 public:
  explicit OneDnnLinear(const LinearParams& p) : params_(p) {
    const auto in = static_cast<memory::dim>(p.in);
    const auto out = static_cast<memory::dim>(p.out);
    const auto rows = static_cast<memory::dim>(kRowBlock);
    const auto f32 = memory::data_type::f32;
    const dnnl::stream& stream = thread_stream();
    const dnnl::engine& engine = cpu_engine();

    x_desc_ = memory::desc({rows, in}, f32, memory::format_tag::ab);
    y_desc_ = memory::desc({rows, out}, f32, memory::format_tag::ab);
    const memory::desc any_weight({in, out}, f32, memory::format_tag::any);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::matmul::primitive_desc plan(dnnl::matmul::desc(x_desc_, any_weight, y_desc_),
                                            attributes, engine);
    matmul_ = dnnl::matmul(plan);
    scratch_desc_ = plan.scratchpad_desc();

    const memory given({{in, out}, f32, memory::format_tag::ba}, engine,
                       const_cast<float*>(p.weight));
    weight_ = memory(plan.weights_desc(), engine);
    dnnl::reorder(given, weight_).execute(stream, const_cast<memory&>(given), weight_);
    const_cast<dnnl::stream&>(stream).wait();
    if (p.bias != nullptr) {
      bias_.assign(p.bias, p.bias + p.out);
      params_.bias = bias_.data();
    }
    params_.weight = nullptr;  // packed: the caller's may go
  }

  void forward(const float* x, std::size_t rows, float* y, std::byte* scratch) const override {
    const dnnl::engine& engine = cpu_engine();
    memory x_block(x_desc_, engine, const_cast<float*>(x));
    memory y_block(y_desc_, engine, y);
    const memory scratch_block(scratch_desc_, engine, scratch);
    const std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, x_block},
                                                       {DNNL_ARG_WEIGHTS, weight_},
                                                       {DNNL_ARG_DST, y_block},
                                                       {DNNL_ARG_SCRATCHPAD, scratch_block}};
    for (std::size_t r = 0; r < rows; r += kRowBlock) {
      float* block = y + r * params_.out;
      x_block.set_data_handle(const_cast<float*>(x + r * params_.in));
      y_block.set_data_handle(block);
      matmul_.execute(thread_stream(), arguments);
      bias_activate(block, params_.bias, std::min(kRowBlock, rows - r), params_.out,
                    params_.activation);
    }
  }

  std::size_t scratch_bytes() const override { return scratch_desc_.get_size(); }
  std::size_t owned_bytes() const override {
    return weight_.get_desc().get_size() + bias_.size() * sizeof(float);
  }

 private:
  LinearParams params_;
  memory::desc x_desc_;
  memory::desc y_desc_;
  memory::desc scratch_desc_;
  dnnl::matmul matmul_;
  memory weight_;
  std::vector<float> bias_;
};

class OneDnnBackend final : public GemmBackend {
 public:
  std::string_view name() const override { return "onednn"; }
  std::string kernels() const override {
    cpu_engine();
    switch (dnnl::get_effective_cpu_isa()) {
      case dnnl::cpu_isa::sse41:
        return "sse41";
      case dnnl::cpu_isa::avx:
        return "avx";
      case dnnl::cpu_isa::avx2:
      case dnnl::cpu_isa::avx2_vnni:
        return "avx2";
      case dnnl::cpu_isa::avx512_core_vnni:
        return "avx512_core_vnni";
      case dnnl::cpu_isa::avx512_core_bf16:
        return "avx512_core_bf16";
      case dnnl::cpu_isa::avx512_core_amx:
        return "avx512_core_amx";
      default:
        return "avx512_core";
    }
  }
  std::string unavailable() const override { return ""; }
  std::size_t row_block() const override { return kRowBlock; }
  std::unique_ptr<LinearLayer> make_linear(const LinearParams& params) const override {
    try {
      return std::make_unique<OneDnnLinear>(params);
    } catch (const dnnl::error& e) {
      throw Error(ExitCode::failed, "oneDNN cannot prepare a {}×{} linear layer: {}", params.out,
                  params.in, e.what());
    }
  }
};

}  // namespace

const GemmBackend& onednn_backend() {
  static const OneDnnBackend backend;
  return backend;
}

}  // namespace embedtool

#endif  // EMBEDTOOL_ONEDNN
