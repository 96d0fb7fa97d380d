#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/memory.hpp"
#include "core/data.hpp"

namespace embedtool {

/// The finished rows of one batch, before they take their output type; recycled.
struct RowBatch {
  Buffer<float> vectors;               ///< dense and multi: [offsets.back(), dims] row-major
  std::vector<SparseEntry> weights;    ///< sparse: each row's heaviest first
  std::vector<std::uint64_t> offsets;  ///< row i has the vectors or weights [i] to [i+1)

  /// The vectors or weights of row i.
  std::size_t count_of(std::size_t i) const { return offsets[i + 1] - offsets[i]; }
  std::size_t bytes() const;
};

/// A weight on its way to the row of its text.
struct SparsePending {
  std::uint32_t text = 0;
  SparseEntry entry;
};

/// Buffers of one worker, grown to the largest batch seen and recycled: in steady state a batch
/// allocates nothing. Belongs to one thread at a time.
struct Workspace {
  Buffer<float> states;        ///< [tokens, hidden]
  Buffer<float> embedded;      ///< [tokens, table width], where that is not hidden
  Buffer<float> normed;        ///< [group's tokens, hidden]: a sub-layer's input behind its norm
  Buffer<float> qkv;           ///< [group's tokens, queries, keys and values]
  Buffer<float> context;       ///< [group's tokens, heads × head size]: attention's result
  Buffer<float> block;         ///< [chunk, hidden]: a sub-layer's output before its norm
  Buffer<float> intermediate;  ///< [chunk, ffn], twice that where it is gated
  Buffer<float> pooled;        ///< [texts, pooled width], and the dense layers' inputs
  std::vector<SparsePending> pending;
  Buffer<float> projected;  ///< [texts, widest dense output]
  Buffer<float> residual;   ///< [texts, widest dense output]
  Buffer<std::byte> gemm;
  Buffer<std::byte> attention;

  std::size_t bytes() const;
};

}  // namespace embedtool
