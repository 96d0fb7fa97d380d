#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/data.hpp"
#include "core/model/encoder.hpp"
#include "core/model/workspace.hpp"
#include "core/pipeline/row_builder.hpp"

namespace embedtool {

/// Makes rows of chunks from rows of what the model has read at once: sums of token states, one for
/// each piece of a chunk (DocumentBlock::pieces). A chunk whose pieces are in several such rows,
/// which may be in several windows of the run, is handed on with the last of them. n_tokens counts
/// the tokens that were averaged. Called by one thread.
class LateRows final : public RowStep {
 public:
  /// `rows`: dense rows that are chunks, for `out`. `out` and `encoder`, which averages(), must
  /// outlive this.
  LateRows(EmbeddingSink& out, const OutputSpec& rows, const Encoder& encoder);
  /// The rows that come.
  static OutputSpec window_rows(OutputSpec rows, const Encoder& encoder);

  void write(const EmbeddingBlock& block) override;

 private:
  /// A chunk that is complete.
  struct Chunk {
    RowInfo row;
    std::uint32_t place = 0;  ///< index into DocumentBlock::chunks
  };

  void add(const ChunkPiece& piece, const RowInfo& row, std::span<const std::byte> sum);
  void finish_chunks(const DocumentBlock& documents);

  const Encoder& encoder_;
  const std::size_t hidden_;
  const std::size_t dims_;

  // The chunk whose pieces are coming.
  std::vector<float> sum_;
  std::vector<float> piece_;
  std::uint32_t tokens_ = 0;
  bool begun_ = false;

  std::vector<Chunk> chunks_;  ///< complete ones, and their averages
  std::vector<float> averages_;
  Workspace workspace_;
  RowBatch finished_;
};

}  // namespace embedtool
