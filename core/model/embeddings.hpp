#pragma once

#include <cstddef>

#include "core/data.hpp"
#include "core/math/matrix.hpp"
#include "core/model/embedding_table.hpp"
#include "core/model/linear.hpp"
#include "core/model/norm.hpp"
#include "core/model/spec.hpp"
#include "core/model/weights.hpp"
#include "core/model/workspace.hpp"

namespace embedtool {

/// From token ids to the states that the first block reads: word rows, positions and types added,
/// scaled, normed and projected to the hidden size, as far as the model does these. Immutable,
/// thread-safe; borrows spec and weights.
class Embeddings {
 public:
  /// Throws Error(model) naming a tensor that is missing or does not fit.
  Embeddings(const ModelSpec& spec, const WeightSource& weights, const WeightReader& reader,
             const LinearFactory& make);

  const EmbeddingTable& table() const { return table_; }
  /// States are the table's rows as they are.
  bool only_looks_up() const;

  /// → `states` [batch's tokens, hidden]. The ids must have been checked.
  void apply(const Batch& batch, Matrix states, EncodeContext& context) const;

  /// `rows`: those of the states, padding included.
  void lay_out(std::size_t rows, WorkspaceLayout& layout) const;
  /// FLOPs of the linear layers for a token.
  double flops() const { return projection_.flops(); }
  std::size_t owned_bytes() const { return table_.owned_bytes() + projection_.owned_bytes(); }
  std::size_t borrowed_bytes() const {
    return table_.borrowed_bytes() + projection_.borrowed_bytes();
  }

 private:
  void look_up(const Batch& batch, Matrix rows) const;

  const ModelSpec& spec_;
  EmbeddingTable table_;
  Norm norm_;
  Linear projection_;
};

}  // namespace embedtool
