#pragma once

// Element-wise kernels, one source for every instruction set (Highway), dispatched at run time. All
// of them are pure, thread-safe and allocation-free; a row's result depends on the row alone, never
// on neighbouring rows. Pointers need no alignment.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/math/activation.hpp"
#include "core/tensor.hpp"

namespace embedtool {

/// Name of the instruction set that kernels run on: "AVX3", "AVX2", "SSE4", …, "NEON".
std::string kernel_isa();
/// Names that force_isa() accepts on this machine, best first.
std::vector<std::string> supported_isas();
/// Restricts kernels and GEMM backends to `name` and those below it; any case. On x86-64: "avx3"
/// (AVX-512 without its BF16 and VNNI extensions), "avx2-vnni", "avx2", "sse4", "ssse3". On arm64:
/// "neon-bf16", "neon-i8mm", "neon-dotprod", "neon", each with the extensions of the next. Call
/// before any kernel. Throws Error(usage) for a set this CPU lacks.
void force_isa(const std::string& name);
bool isa_forced();

/// What some CPUs have beyond the instruction set that kernel_isa() names. The panels use it.
enum class IsaExtension : std::uint8_t {
  avx512_bf16,
  avx512_vnni,
  avx_vnni,      ///< on AVX2: sums of four int8 products
  neon_dotprod,  ///< FEAT_DotProd: sums of four int8 products
  neon_i8mm,     ///< FEAT_I8MM: 2 × 8 by 8 × 2 int8 matrices
  neon_bf16,     ///< FEAT_BF16: 2 × 4 by 4 × 2 bf16 matrices
};

/// True when the CPU has the extension and no instruction set without it is forced.
bool has_extension(IsaExtension extension);
/// True where unsigned byte quadruples can be multiplied by signed ones: AVX512-VNNI, AVX-VNNI,
/// FEAT_I8MM.
bool has_quads();
/// True on Intel's CPUs, where dot products of bf16 outside AMX have half of f32's speed (MiniLM on
/// Emerald Rapids: 6,270 tokens/s against 11,080).
bool has_slow_bf16_dot();

/// Widens `n` stored elements (f32, f16, bf16, f8, i8, llama.cpp's types in whole blocks) to f32.
void widen(const std::byte* source, DType type, std::size_t n, float* out);

/// out[r] = LayerNorm(x[r] + residual[r]) · gamma + beta for `rows` rows of `n` elements (Ba et al.
/// 2016; biased variance; eps inside the root). residual may be null; out may be x or residual.
struct LayerNormArgs {
  const float* x;
  const float* residual;
  const float* gamma;
  const float* beta;
  float eps;
  std::size_t rows;
  std::size_t n;
  float* out;
};
void layer_norm(const LayerNormArgs& args);

/// x[r] = activation(x[r] + bias) for `rows` rows of `n` elements, `stride` apart, in place; bias
/// may be null.
struct BiasActivateArgs {
  float* x;
  std::size_t stride;
  std::size_t rows;
  std::size_t n;
  const float* bias;
  Activation activation;
};
void bias_activate(const BiasActivateArgs& args);

/// a += b
void add(float* a, const float* b, std::size_t n);
/// a += w · b
void add_scaled(float* a, const float* b, float w, std::size_t n);
struct WeightedRow {
  const std::byte* bytes;  ///< stored elements of any type that widen() takes
  float weight;
};
/// sum += weight · row for all rows, of `n` elements each (q8_0: whole blocks). Each element adds
/// its rows in their order, so that it does not matter over how many calls they are spread.
void add_widened(float* sum, std::span<const WeightedRow> rows, DType type, std::size_t n);
/// a = max(a, b)
void maximum(float* a, const float* b, std::size_t n);
/// a *= w
void scale(float* a, float w, std::size_t n);
/// Σ a b
float dot(const float* a, const float* b, std::size_t n);
/// Σ a²
float sum_of_squares(const float* a, std::size_t n);

/// f32 → IEEE half, round to nearest even.
void to_f16(const float* x, std::size_t n, std::byte* out);
/// f32 → int8: round(x / scale) to nearest even, saturated to ±127.
void to_int8(const float* x, std::size_t n, float scale, std::byte* out);
/// Signs packed 8 to a byte, first element in the highest bit; x > 0 is 1. Last byte zero-filled.
void to_binary(const float* x, std::size_t n, std::byte* out);

}  // namespace embedtool
