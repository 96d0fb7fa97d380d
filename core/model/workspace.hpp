#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "core/base/memory.hpp"
#include "core/base/profile.hpp"
#include "core/data.hpp"

namespace embedtool {

/// The largest that batches get, each measure by itself: what a worker's buffers grow to.
struct BatchShape {
  std::size_t texts = 0;
  std::size_t tokens = 0;
  std::size_t longest = 0;  ///< tokens of the longest text
};

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
/// allocates nothing. Only a WorkspaceLayout grows them. Belongs to one thread at a time.
struct Workspace {
  Buffer<float> states;                ///< [tokens, hidden]
  Buffer<float> embedded;              ///< [tokens, table width], where that is not hidden
  Buffer<float> normed;                ///< [group's tokens, hidden]: a sub-layer's normed input
  Buffer<float> qkv;                   ///< [group's tokens, queries, keys and values]
  Buffer<float> context;               ///< [group's tokens, heads × head size]: attention's result
  Buffer<float> block;                 ///< [chunk, hidden]: a sub-layer's output before its norm
  Buffer<float> intermediate;          ///< [chunk, ffn], twice that where it is gated
  Buffer<float> routing;               ///< [group's tokens, experts]: their weights
  Buffer<float> mixture;               ///< [group's tokens, hidden]: what the experts give
  Buffer<float> pooled;                ///< the head's input: see Head and SparseHead
  Buffer<float> projected;             ///< likewise, its output
  Buffer<float> residual;              ///< likewise
  std::vector<SparsePending> pending;  ///< weights of a batch, before they are sorted by text
  Buffer<std::byte> gemm;              ///< scratch of one linear layer
  Buffer<std::byte> attention;         ///< scratch of attention over one text

  /// Bytes allocated for all of them.
  std::size_t bytes() const { return held_; }

 private:
  friend class WorkspaceLayout;
  std::size_t held_ = 0;
};

/// The buffers of a worker and how large they must be for batches of some shape. Every part of an
/// encoder states its own, in one place; what is planned for and what is allocated both follow from
/// this list. Lives on the stack: encode() makes one for each batch.
class WorkspaceLayout {
 public:
  using AnyBuffer = std::variant<Buffer<float> Workspace::*, Buffer<std::byte> Workspace::*,
                                 std::vector<SparsePending> Workspace::*>;
  struct Entry {
    AnyBuffer buffer;
    std::size_t elements = 0;
  };

  /// `buffer` must have room for `elements`; of several needs the largest counts.
  void need(AnyBuffer buffer, std::size_t elements);

  /// Bytes that reserve() allocates for a fresh workspace.
  std::size_t bytes() const;
  /// Grows the buffers of `workspace` that are too small.
  void reserve(Workspace& workspace) const;
  std::span<const Entry> entries() const { return {entries_.data(), count_}; }

 private:
  static constexpr std::size_t kMost = 16;  ///< more than a Workspace has buffers
  std::array<Entry, kMost> entries_;
  std::size_t count_ = 0;
};

/// Room for the finished rows of a batch, likewise.
struct RowLayout {
  std::size_t vectors = 0;  ///< floats
  std::size_t weights = 0;
  std::size_t rows = 0;

  std::size_t bytes() const;
  void reserve(RowBatch& rows) const;
};

/// What a worker lends to the operations of a batch.
struct EncodeContext {
  Workspace& workspace;
  StageClock& clock;
};

}  // namespace embedtool
