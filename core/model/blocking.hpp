#pragma once

#include <algorithm>
#include <cstddef>

#include "core/base/memory.hpp"
#include "core/data.hpp"
#include "core/math/gemm.hpp"
#include "core/model/spec.hpp"

namespace embedtool {

/// Texts [first, last) of a batch.
struct TextGroup {
  std::size_t first = 0;
  std::size_t last = 0;
};

/// How the tokens of a batch are cut up on their way through a block, for a backend's row block.
struct Blocking {
  Blocking(const ModelSpec& spec, const GemmBackend& backend)
      : row_block(backend.row_block()),
        shares(spec.experts.count == 0
                   ? 1
                   : std::min(kMostShares, spec.experts.count / spec.experts.chosen)) {}

  std::size_t row_block;
  /// An expert gets a share of a group's tokens; so many times larger are the groups.
  std::size_t shares;
  static constexpr std::size_t kMostShares = 4;

  /// Rows that go through the second half of a block together, so that the FFN's intermediate stays
  /// in L2: 64 × 1536 floats are 384 KiB.
  static constexpr std::size_t kChunkRows = 64;

  /// Texts go through a block in groups of at least this many tokens: few enough that their
  /// queries, keys and values are still in cache when attention reads them; enough to make reading
  /// the weights worthwhile and, where a backend computes in row blocks, to make filling up the
  /// last one cheap.
  std::size_t group_tokens() const {
    return shares * (row_block > 1 ? 16 * row_block : kChunkRows);
  }
  /// The group that begins with text `first`.
  TextGroup group_from(const Batch& batch, std::size_t first) const {
    TextGroup group{first, first};
    while (group.last < batch.size() &&
           batch.offsets[group.last] - batch.offsets[first] < group_tokens()) {
      ++group.last;
    }
    return group;
  }
  /// Rows that the longest group of a batch takes.
  std::size_t group_room(std::size_t tokens, std::size_t longest) const {
    return round_up(std::max<std::size_t>(std::min(tokens, group_tokens() + longest), 1),
                    row_block);
  }
  /// Chunks of equal length, about kChunkRows, where the backend takes any number of rows.
  std::size_t chunk_rows(std::size_t rows) const {
    if (row_block > 1) return row_block;
    const std::size_t chunks = std::max<std::size_t>(1, (rows + kChunkRows / 2) / kChunkRows);
    return round_up((rows + chunks - 1) / chunks, 8);
  }
  std::size_t max_chunk() const { return row_block > 1 ? row_block : kChunkRows * 3 / 2; }
};

}  // namespace embedtool
