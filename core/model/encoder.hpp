#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/profile.hpp"
#include "core/data.hpp"
#include "core/math/gemm.hpp"
#include "core/math/matrix.hpp"
#include "core/model/spec.hpp"
#include "core/model/workspace.hpp"
#include "core/ports.hpp"

namespace embedtool {

/// A model ready to compute: linear layers prepared for a GEMM backend, the embedding table left
/// in the mapped weights. Immutable, hence shared by all workers. Borrows the WeightSources.
///
/// Batches are ragged: linear layers run over the real tokens of all texts, attention over each
/// text by itself, nothing is computed for padding. A text's vector depends on the text alone:
/// not on its batch mates, its place in the batch or the thread.
class Encoder {
 public:
  /// The blocks' linear layers compute in `compute`; attention, norms and the head in f32. Throws
  /// Error(ExitCode::model) naming the tensor when weights do not fit the spec.
  Encoder(const ModelSpec& spec, const HeadSpec& head, const WeightSource& weights,
          const GemmBackend& backend, Compute compute = Compute::f32);
  ~Encoder();
  Encoder(Encoder&&) noexcept;

  /// Elements of a finished vector; sparse: the size of the vocabulary.
  std::size_t dims() const;
  /// What a row holds: one vector, one for each token, or weights of tokens.
  RowKind kind() const;
  /// Width of a token's state.
  std::size_t hidden() const;
  /// A text's vector is made of the average of its tokens' states, so that encode() takes spans.
  bool averages() const;
  /// Vectors that a sequence gives: 1, or one for each token that is not left out.
  std::size_t vector_count(std::span<const TokenId> ids) const;
  /// Longest sequence that encode() takes; 0 = any.
  std::size_t max_tokens() const;
  std::size_t vocab_size() const;
  /// Memory held beside the mapped weights.
  std::size_t owned_bytes() const;
  /// What encoding reads in place of the mapped weights: the word embeddings, and layers that their
  /// backend does not copy.
  std::size_t borrowed_bytes() const;
  /// FLOPs of all linear layers, the head's included, for so many tokens and the vectors that the
  /// head makes of them: one a text, or those that vector_count() says.
  double linear_flops(double tokens, double vectors) const;
  /// FLOPs of attention for a sequence of `tokens`.
  double attention_flops(std::size_t tokens) const;
  /// Rows that the linear layers compute for a batch: with a backend that computes rows
  /// in blocks, the last block is filled up.
  std::size_t computed_rows(const Batch& batch) const;
  /// The most weights that a row of a sparse model has; 0 for others.
  std::size_t most_entries() const;
  /// Bytes that batches of this shape take at most: buffers, and results before the output type.
  std::size_t workspace_bytes(const BatchShape& shape) const;
  std::size_t result_bytes(const BatchShape& shape) const;
  /// Allocates them, where `workspace` or `rows` has less: encode() then allocates nothing.
  void reserve(Workspace& workspace, const BatchShape& shape) const;
  void reserve(RowBatch& rows, const BatchShape& shape) const;
  /// The list of buffers behind workspace_bytes() and reserve().
  WorkspaceLayout layout(const BatchShape& shape) const;

  /// Replaces `out` by the finished rows of `batch`, one for each text. An empty sequence gives a
  /// zero vector, no vectors, or no weights. Charges its time to `clock` and leaves it in the stage
  /// that it was in. Throws Error(model) for ids outside the vocabulary or a sequence longer than
  /// max_tokens().
  ///
  /// For a batch with spans, which needs averages(), a row holds instead the sum of the states of
  /// each span, hidden() elements each. Spans are within their sequences.
  void encode(const Batch& batch, Workspace& workspace, StageClock& clock, RowBatch& out) const;
  /// What follows the average: `averages` [vectors, hidden()] → as many rows, as encode() makes
  /// them of whole texts, to the last bit.
  void finish(ConstMatrix averages, Workspace& workspace, StageClock& clock, RowBatch& out) const;

 private:
  struct Parts;
  std::unique_ptr<const Parts> parts_;
};

}  // namespace embedtool
