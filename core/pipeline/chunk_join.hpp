#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/data.hpp"
#include "core/pipeline/row_builder.hpp"
#include "core/pipeline/run_options.hpp"

namespace embedtool {

/// Joins the rows of a document's chunks into one, and hands it on when the last of them has come,
/// which may be several windows after the first. A row's n_tokens is the sum of its chunks'. The
/// vector of a document that is one chunk is the chunk's, and so is its text_hash; that of several
/// is the hash of theirs, one after another. Called by one thread.
class ChunkJoiner final : public RowStep {
 public:
  /// `rows`: the output's rows, which are dense, for `out`, which must outlive this. What comes are
  /// rows of chunk_rows().
  ChunkJoiner(EmbeddingSink& out, const OutputSpec& rows, const ChunkOptions& options);
  /// The rows that are joined into rows of `rows`: vectors are not rounded yet.
  static OutputSpec chunk_rows(OutputSpec rows);

  void write(const EmbeddingBlock& block) override;

 private:
  void begin();
  void add(const float* vector, const RowInfo& row);
  void end(const DocumentBlock& documents, const RowInfo& last, const ChunkPlace& place);

  const ChunkOptions options_;
  const std::size_t dims_;

  // The document whose chunks are coming.
  std::vector<double> sums_;
  std::vector<float> joined_;
  std::vector<Hash128> hashes_;  ///< of its chunks
  std::uint64_t tokens_ = 0;
};

}  // namespace embedtool
