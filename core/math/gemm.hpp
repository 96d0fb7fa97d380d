#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/enum_words.hpp"
#include "core/base/memory.hpp"
#include "core/math/activation.hpp"

namespace embedtool {

/// Precision that a linear layer computes in. Inputs and outputs are f32 all the same.
///
/// bf16: weights rounded to bf16, and inputs where the CPU multiplies bf16; sums in f32. int8:
/// weights with one scale per output (max|w| / 127), inputs with one scale and offset per row, sums
/// exact.
enum class Compute : std::uint8_t { f32, bf16, int8 };

template <>
inline constexpr auto enum_words<Compute> = std::to_array<EnumWord<Compute>>({
    {Compute::f32, "f32"},
    {Compute::bf16, "bf16"},
    {Compute::int8, "int8"},
});

/// One linear layer as a checkpoint stores it: y = activation(x Wᵀ + b).
struct LinearParams {
  const float* weight = nullptr;  ///< [out, in] row-major
  const float* bias = nullptr;    ///< [out], or null
  std::size_t in = 0;
  std::size_t out = 0;
  Activation activation = Activation::identity;
  Compute compute = Compute::f32;
  /// The weight outlives the layer, which may then use it in place instead of copying it.
  bool weight_outlives_layer = false;
};

/// A linear layer prepared for one backend. Immutable, hence thread-safe: any number of threads
/// run one layer at once, each with buffers of its own.
///
/// A row's result is bit-identical whatever rows share the call and wherever the row is among them.
/// Called with varying row counts, a BLAS picks kernels, and so summation orders, by the count.
/// Backends on top of a BLAS therefore compute rows in blocks of a fixed size, the last one padded
/// with whatever follows in memory.
class LinearLayer {
 public:
  virtual ~LinearLayer() = default;
  /// y[rows, out] from x[rows, in]. Both must have room for round_up(rows, row_block()) rows; the
  /// rows after `rows` are read and overwritten. `scratch` has scratch_bytes() bytes, aligned.
  virtual void forward(const float* x, std::size_t rows, float* y, std::byte* scratch) const = 0;
  virtual std::size_t scratch_bytes() const { return 0; }
  /// Memory that the layer holds in addition to what `LinearParams` pointed to.
  virtual std::size_t owned_bytes() const = 0;
  /// Bytes of the caller's weight that the layer keeps reading in place.
  virtual std::size_t borrowed_bytes() const { return 0; }
};

/// A way to multiply matrices. Stateless, thread-safe.
class GemmBackend {
 public:
  virtual ~GemmBackend() = default;
  virtual std::string_view name() const = 0;
  /// Which of its kernels run on this machine, e.g. "SkylakeX", for reports.
  virtual std::string kernels(Compute compute) const = 0;
  /// Empty when the backend can compute in this precision here, else the reason.
  virtual std::string unavailable(Compute compute) const = 0;
  /// True when a later backend has instructions for this precision that this one has no kernels
  /// for, and should go first unless this one is asked for.
  virtual bool yields(Compute) const { return false; }
  /// True when it computes in this precision by the instructions of f32, which saves memory but no
  /// time.
  virtual bool saves_only_memory(Compute) const { return false; }
  /// Rows that forward() computes at a time; 1 = any number, without padding.
  virtual std::size_t row_block() const = 0;
  /// Throws Error(model) when the layer cannot be prepared.
  virtual std::unique_ptr<LinearLayer> make_linear(const LinearParams& params) const = 0;
};

/// What a model's linear layers are made with.
struct LinearFactory {
  const GemmBackend& backend;
  Compute compute = Compute::f32;
};

}  // namespace embedtool
