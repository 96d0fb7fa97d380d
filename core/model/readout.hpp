#pragma once

#include <cstddef>
#include <span>

#include "core/data.hpp"
#include "core/math/matrix.hpp"
#include "core/model/workspace.hpp"

namespace embedtool {

/// From token states to finished rows: what a model puts behind its encoder. Immutable,
/// thread-safe.
class Readout {
 public:
  virtual ~Readout() = default;

  virtual RowKind kind() const = 0;
  /// Elements of a vector; sparse: tokens of the vocabulary.
  virtual std::size_t dims() const = 0;
  /// Vectors that a sequence gives.
  virtual std::size_t vector_count(std::span<const TokenId> ids) const = 0;
  /// The most weights that a sparse row has; 0 for others.
  virtual std::size_t most_entries() const { return 0; }

  /// `states` [tokens, hidden] of the batch → `out`, a row for each text.
  virtual void run(const Batch& batch, ConstMatrix states, EncodeContext& context,
                   RowBatch& out) const = 0;

  /// Adds the buffers that run() uses.
  virtual void lay_out(const BatchShape& shape, WorkspaceLayout& layout) const = 0;
  /// The rows of a batch of this shape, at most.
  virtual RowLayout rows(const BatchShape& shape) const = 0;
  /// FLOPs of the linear layers for so many tokens and the vectors that they give.
  virtual double flops(double tokens, double vectors) const = 0;
  virtual std::size_t owned_bytes() const = 0;
};

}  // namespace embedtool
