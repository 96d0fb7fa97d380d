#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/math/gemm.hpp"
#include "core/model/linear.hpp"
#include "core/model/spec.hpp"
#include "core/ports.hpp"

namespace embedtool {

/// The tensor's elements as f32. Throws Error(ExitCode::model) naming it if they are no floats.
void widen_into(const TensorView& tensor, float* out);

/// A tensor's name without the first of the prefixes that it has.
std::string_view without_prefix(std::string_view name, const std::vector<std::string>& prefixes);

/// Makes the spec use the first of its sets of names whose word embeddings and first layer's
/// queries `source` has; leaves it as it is if there is none.
void choose_names(ModelSpec& spec, const WeightSource& source);

/// Finds and converts a model's tensors: optional name prefixes, old LayerNorm names (gamma, beta),
/// shape checks, f16, bf16 and f8 widened to f32. What has been converted or packed is released at
/// once, so that a model never stands twice in memory. Borrows the source. Errors are
/// Error(ExitCode::model) naming the tensor.
class WeightReader {
 public:
  WeightReader(const WeightSource& source, std::vector<std::string> prefixes);

  /// The tensor `name`, tried with every prefix; null when there is none.
  const TensorView* find(const std::string& name) const;
  /// The same, of exactly this shape; throws when it is missing or of another shape.
  const TensorView& require(const std::string& name,
                            std::initializer_list<std::size_t> shape) const;
  /// See WeightSource::release().
  void release(const TensorView& tensor) const { source_.release(tensor); }
  /// A vector of `size` floats.
  std::vector<float> vector(const std::string& name, std::size_t size) const;
  /// `prefix`.weight or .gamma, and `prefix`.bias or .beta.
  std::vector<float> norm_scale(const std::string& prefix, std::size_t size) const;
  std::vector<float> norm_shift(const std::string& prefix, std::size_t size) const;

  /// `prefix`.weight [out, in] into `values`, or `weight` where the prefix is empty. One of f8
  /// is multiplied by the scales that lie beside it as `weight_scale` or `weight_scale_inv`: one
  /// for the whole, one an output or one a block. An adapter's change is added.
  void matrix(const std::string& prefix, std::size_t out, std::size_t in, float* values) const;

  /// One of `count` matrices of a tensor that holds them one below the other, as [count · rows,
  /// columns] or [count, rows, columns].
  struct Slice {
    std::string tensor;
    std::size_t index = 0;
    std::size_t count = 1;
    bool by_input = false;  ///< it is the weight [in, out], not [out, in]
  };
  /// A linear layer without a bias whose weight is such a matrix.
  Linear linear(const Slice& slice, std::size_t in, std::size_t out, Activation activation,
                const LinearFactory& make) const;

  /// A linear layer's share of another's outputs.
  struct Part {
    std::string prefix;
    std::size_t out = 0;
  };
  /// A linear layer whose weight stacks the given layers' rows (fused query, key and value): reads
  /// `prefix`.weight [out, in] and, where present, `prefix`.bias [out] of each.
  Linear linear(const std::vector<Part>& parts, std::size_t in, Activation activation,
                const LinearFactory& make) const;

 private:
  /// The matrix [rows, columns] that a slice is, in place.
  TensorView view_of(const Slice& slice, std::size_t rows, std::size_t columns) const;
  /// `prefix`.bias; empty when absent.
  std::vector<float> bias(const std::string& prefix, std::size_t size) const;
  void scale_f8(const TensorView& tensor, const std::string& prefix, std::size_t out,
                std::size_t in, float* values) const;
  void apply_scales(const TensorView& tensor, const TensorView& scale, std::size_t out,
                    std::size_t in, float* values) const;

  const WeightSource& source_;
  std::vector<std::string> prefixes_;
};

}  // namespace embedtool
