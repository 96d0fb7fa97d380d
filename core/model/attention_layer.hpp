#pragma once

#include <cstddef>
#include <span>

#include "core/data.hpp"
#include "core/math/matrix.hpp"
#include "core/model/blocking.hpp"
#include "core/model/linear.hpp"
#include "core/model/norm.hpp"
#include "core/model/positions.hpp"
#include "core/model/spec.hpp"
#include "core/model/weights.hpp"
#include "core/model/workspace.hpp"

namespace embedtool {

/// Multi-head attention of one block (Vaswani et al. 2017), without its output projection.
/// Immutable, thread-safe; borrows spec and positions.
class AttentionLayer {
 public:
  /// Throws Error(model) naming a tensor that is missing or does not fit.
  AttentionLayer(const ModelSpec& spec, const AttentionPositions& positions, std::size_t layer,
                 const WeightReader& reader, const LinearFactory& make);

  /// softmax(Q Kᵀ) V of every text of a group by itself. `x` [group's tokens, hidden] → a matrix
  /// [group's tokens, query width] in Workspace::context. `local`: within the spec's local span.
  Matrix apply(const Batch& batch, TextGroup group, bool local, ConstMatrix x,
               EncodeContext& context) const;

  void lay_out(const BatchShape& shape, std::size_t group_rows, WorkspaceLayout& layout) const;
  double flops() const { return qkv_.flops(); }
  std::size_t owned_bytes() const { return qkv_.owned_bytes(); }
  std::size_t borrowed_bytes() const { return qkv_.borrowed_bytes(); }

 private:
  void place_tokens(bool local, Matrix qkv) const;
  void attend(std::span<const TokenId> ids, bool local, Matrix qkv, Matrix out,
              EncodeContext& context) const;
  std::size_t seen_keys(std::span<const TokenId> ids) const;

  const ModelSpec& spec_;
  const AttentionPositions& positions_;
  const bool int8_;  ///< long texts attend in int8
  Linear qkv_;
  Norm query_norm_;
  Norm key_norm_;
};

}  // namespace embedtool
