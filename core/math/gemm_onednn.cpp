// oneDNN: weights packed once at load, just-in-time kernels for the best instruction set.
#ifdef EMBEDTOOL_ONEDNN

#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/math/gemm_backends.hpp"
#include "core/math/kernels.hpp"
#include "core/math/panel.hpp"
#include "core/math/row_check.hpp"

// libgomp's; declared here because the program itself uses no OpenMP. The setting is per thread.
extern "C" void omp_set_num_threads(int);

namespace embedtool {
namespace {

using dnnl::memory;

/// Rows of one primitive. oneDNN compiles a kernel per shape, so that any row count would do, but
/// each would cost a compilation; 64 rows reach the peak (measured), and a block's FFN
/// intermediate of 64 × 3072 floats stays in L2.
constexpr std::size_t kRowBlock = 64;

/// The layer that keeps_rows_apart() computes.
constexpr std::size_t kCheckedIn = 384;
constexpr std::size_t kCheckedOut = 1152;

/// Limits oneDNN to what kernels are limited to (EMBEDTOOL_ISA); works once, before first use.
void follow_forced_isa() {
  const std::string isa = kernel_isa();
  if (isa == "AVX2") {
    dnnl::set_max_cpu_isa(has_extension(IsaExtension::avx_vnni) ? dnnl::cpu_isa::avx2_vnni
                                                                : dnnl::cpu_isa::avx2);
  }
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

memory::data_type input_type(Compute compute) {
  if (compute == Compute::f32) return memory::data_type::f32;
  return compute == Compute::bf16 ? memory::data_type::bf16 : memory::data_type::u8;
}

memory::data_type weight_type(Compute compute) {
  return compute == Compute::int8 ? memory::data_type::s8 : input_type(compute);
}

/// Inputs of the lower precisions are packed as for the native backend (panel.hpp), row by row, and
/// integer sums scaled as there, so that int8 results are equal to the last bit.
class OneDnnLinear final : public LinearLayer {
 public:
  explicit OneDnnLinear(const LinearParams& p) : params_(p), pack_(dot_kernel(p.compute)) {
    const std::size_t group = p.compute == Compute::f32 ? 1 : group_of(pack_.format);
    words_ = (p.in + group - 1) / group;
    const auto in = static_cast<memory::dim>(p.in);
    const auto out = static_cast<memory::dim>(p.out);
    const auto rows = static_cast<memory::dim>(kRowBlock);
    const auto padded = static_cast<memory::dim>(words_ * group);
    const bool integers = p.compute == Compute::int8;
    const dnnl::engine& engine = cpu_engine();

    x_desc_ = memory::desc({rows, in}, input_type(p.compute), memory::dims{padded, 1});
    y_desc_ = memory::desc({rows, out}, integers ? memory::data_type::s32 : memory::data_type::f32,
                           memory::format_tag::ab);
    const memory::desc any_weight({in, out}, weight_type(p.compute), memory::format_tag::any);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::matmul::primitive_desc plan(engine, x_desc_, any_weight, y_desc_, attributes);
#else
    const dnnl::matmul::primitive_desc plan(dnnl::matmul::desc(x_desc_, any_weight, y_desc_),
                                            attributes, engine);
#endif
    matmul_ = dnnl::matmul(plan);
    scratch_desc_ = plan.scratchpad_desc();
    weight_ = memory(plan.weights_desc(), engine);
    if (p.compute == Compute::f32) {
      reorder_weight({{in, out}, weight_type(p.compute), memory::dims{1, padded}}, p.weight);
    } else {
      const std::vector<std::uint32_t> packed = pack_weight(p);
      reorder_weight({{in, out}, weight_type(p.compute), memory::dims{1, padded}}, packed.data());
    }
    if (p.bias != nullptr) {
      bias_.assign(p.bias, p.bias + p.out);
      params_.bias = bias_.data();
    }
    params_.weight = nullptr;  // packed: the caller's may go
  }

  void forward(const float* x, std::size_t rows, float* y, std::byte* scratch) const override {
    EMBEDTOOL_CHECK(scratch_bytes() == 0 || is_aligned(scratch));
    const dnnl::engine& engine = cpu_engine();
    auto* scales = reinterpret_cast<RowScale*>(scratch + round_up(scratch_desc_.get_size(), 64));
    auto* words = reinterpret_cast<std::uint32_t*>(scales + kRowBlock);
    memory x_block(x_desc_, engine, words);
    memory y_block(y_desc_, engine, y);
    const memory scratch_block(scratch_desc_, engine, scratch);
    const std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, x_block},
                                                       {DNNL_ARG_WEIGHTS, weight_},
                                                       {DNNL_ARG_DST, y_block},
                                                       {DNNL_ARG_SCRATCHPAD, scratch_block}};
    for (std::size_t r = 0; r < rows; r += kRowBlock) {
      const std::size_t count = std::min(kRowBlock, rows - r);
      const float* x_rows = x + r * params_.in;
      float* block = y + r * params_.out;
      if (params_.compute == Compute::f32) {
        x_block.set_data_handle(const_cast<float*>(x_rows));
      } else {
        for (std::size_t i = 0; i < count; ++i) {
          scales[i] = pack_.pack_input(x_rows + i * params_.in, params_.in, words + i * words_);
        }
      }
      y_block.set_data_handle(block);
      matmul_.execute(thread_stream(), arguments);
      if (params_.compute == Compute::int8) {
        scale_sums({block, count, params_.out, scales, column_scale_.data(), column_sum_.data()});
      }
      bias_activate({block, params_.out, count, params_.out, params_.bias, params_.activation});
    }
  }

  std::size_t scratch_bytes() const override {
    const std::size_t own = scratch_desc_.get_size();
    if (params_.compute == Compute::f32) return own;
    return round_up(own, 64) + kRowBlock * (sizeof(RowScale) + words_ * sizeof(std::uint32_t));
  }
  std::size_t owned_bytes() const override {
    return weight_.get_desc().get_size() +
           (bias_.size() + column_scale_.size() + column_sum_.size()) * sizeof(float);
  }

 private:
  void reorder_weight(const memory::desc& given_as, const void* data) {
    const dnnl::stream& stream = thread_stream();
    const memory given(given_as, cpu_engine(), const_cast<void*>(data));
    dnnl::reorder(given, weight_).execute(stream, const_cast<memory&>(given), weight_);
    const_cast<dnnl::stream&>(stream).wait();
  }

  /// The weight's rows, [out, words_]; fills in the scales and sums of integers.
  std::vector<std::uint32_t> pack_weight(const LinearParams& p) {
    std::vector<std::uint32_t> packed(p.out * words_);
    for (std::size_t o = 0; o < p.out; ++o) {
      std::uint32_t* row = packed.data() + o * words_;
      const float scale = pack_.pack_weight(p.weight + o * p.in, p.in, row).scale;
      if (p.compute != Compute::int8) continue;
      column_scale_.push_back(scale);
      column_sum_.push_back(scale * static_cast<float>(packed_sum(pack_.format, row, p.in)));
    }
    return packed;
  }

  LinearParams params_;
  PanelKernel pack_;
  std::size_t words_ = 0;  ///< of a packed row
  memory::desc x_desc_;
  memory::desc y_desc_;
  memory::desc scratch_desc_;
  dnnl::matmul matmul_;
  memory weight_;
  std::vector<float> bias_;
  std::vector<float> column_scale_;
  std::vector<float> column_sum_;
};

struct NamedIsa {
  const char* name;
  dnnl::cpu_isa isa;
};

// oneDNN's instruction sets, best first; its own names. The first one that oneDNN may use is what
// it is said to run, so that a set newer than this table goes by the best name that is true of it.
constexpr std::array kIsas = {
#if DNNL_VERSION_MAJOR >= 3
    NamedIsa{"avx512_core_amx_fp16", dnnl::cpu_isa::avx512_core_amx_fp16},
#endif
    NamedIsa{"avx512_core_amx", dnnl::cpu_isa::avx512_core_amx},
#if DNNL_VERSION_MAJOR >= 3
    NamedIsa{"avx512_core_fp16", dnnl::cpu_isa::avx512_core_fp16},
#endif
    NamedIsa{"avx512_core_bf16", dnnl::cpu_isa::avx512_core_bf16},
    NamedIsa{"avx512_core_vnni", dnnl::cpu_isa::avx512_core_vnni},
    NamedIsa{"avx512_core", dnnl::cpu_isa::avx512_core},
#if DNNL_VERSION_MAJOR >= 3
    NamedIsa{"avx2_vnni_2", dnnl::cpu_isa::avx2_vnni_2},
#endif
    NamedIsa{"avx2_vnni", dnnl::cpu_isa::avx2_vnni},
    NamedIsa{"avx2", dnnl::cpu_isa::avx2},
    NamedIsa{"avx", dnnl::cpu_isa::avx},
    NamedIsa{"sse41", dnnl::cpu_isa::sse41},
};

/// Whether oneDNN may use `isa` here. The value of an instruction set has the bits of every set
/// that it includes (dnnl_types.h). Elsewhere than on x86 the same bits mean other sets.
bool may_use([[maybe_unused]] dnnl::cpu_isa isa) {
#ifdef __x86_64__
  cpu_engine();  // first use, which fixes the instruction set
  const auto wanted = static_cast<unsigned>(isa);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & wanted) == wanted;
#else
  return false;
#endif
}

/// Whether f32 rows are independent of their place. On arm64 they are not.
bool keeps_rows_apart() {
  static const bool kept = rows_are_independent(
      {kRowBlock, kCheckedIn, kCheckedOut, [](const float* x, const float* weight, float* y) {
         const OneDnnLinear layer({.weight = weight, .in = kCheckedIn, .out = kCheckedOut});
         Buffer<std::byte> scratch(layer.scratch_bytes() + 1);
         layer.forward(x, kRowBlock, y, scratch.data());
       }});
  return kept;
}

class OneDnnBackend final : public GemmBackend {
 public:
  std::string_view name() const override { return "onednn"; }
  std::string kernels(Compute) const override {
    for (const NamedIsa& isa : kIsas) {
      if (may_use(isa.isa)) return isa.name;
    }
    return "generic";
  }
  std::string unavailable(Compute compute) const override {
    if (compute == Compute::f32 && !keeps_rows_apart()) {
      return "its kernels for this CPU make a row's result depend on the row's place in the batch";
    }
    const WordFormat format = dot_kernel(compute).format;
    const bool packable = format == WordFormat::bf16x2 || format == WordFormat::i8x4;
    if (compute == Compute::f32 || packable) return "";
    return fmt::format("this CPU (or the forced instruction set) has no instructions for {}",
                       name_of(compute));
  }
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

bool onednn_uses_amx() {
  return may_use(dnnl::cpu_isa::avx512_core_amx);
}

}  // namespace embedtool

#endif  // EMBEDTOOL_ONEDNN
