#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/profile.hpp"
#include "core/data.hpp"
#include "core/math/gemm.hpp"
#include "core/model/block.hpp"
#include "core/model/spec.hpp"
#include "core/model/weights.hpp"
#include "core/model/workspace.hpp"

namespace embedtool {

/// From token states to weights of the vocabulary's tokens, see SparseSpec. Immutable, thread-safe.
///
/// Logits of a batch would be tokens × vocabulary floats. They are made a block of some rows and
/// some columns at a time instead, and only what a text's tokens have given so far is kept: the
/// largest logit, or the sum, of one block of columns. A text's weights do not depend on its batch
/// mates.
class SparseHead {
 public:
  /// `kept`: the heaviest weights of a row that are kept; 0 = all. Throws Error(model) naming a
  /// tensor that is missing or does not fit.
  SparseHead(const SparseSpec& spec, std::size_t kept, const ModelSpec& model,
             const WeightReader& reader, const LinearFactory& make);

  std::size_t owned_bytes() const;
  double flops_per_token() const;
  std::size_t workspace_bytes(std::size_t texts, std::size_t tokens) const;
  void reserve(Workspace& workspace, std::size_t texts, std::size_t tokens) const;
  /// The most entries that a row can have.
  std::size_t most_entries() const { return kept_ == 0 ? vocab_ : kept_; }

  /// `states` [tokens, hidden] of the batch → a row of entries a text, heaviest first, of equal
  /// weights the lower id first.
  void run(const Batch& batch, const float* states, Workspace& workspace, StageClock& clock,
           RowBatch& out) const;

 private:
  struct DecoderBlock {
    std::size_t first = 0;  ///< token
    std::size_t tokens = 0;
    std::unique_ptr<LinearLayer> layer;
  };

  void make_decoder(const WeightReader& reader, const ModelSpec& model, const LinearFactory& make);
  void make_block(DecoderBlock& block, const TensorView& table, std::span<const float> bias,
                  const LinearFactory& make) const;
  void weigh_vocabulary(const Batch& batch, const float* states, Workspace& w) const;
  void pool_block(const DecoderBlock& block, const Batch& batch, Workspace& w) const;
  void pool_row(const float* logits, std::size_t n, float* pooled) const;
  void weigh_own_tokens(const Batch& batch, const float* states, Workspace& w) const;
  void collect(std::size_t texts, Workspace& w, RowBatch& out) const;
  float weight_of(float logit) const;
  std::size_t chunk_rows() const;

  SparseSpec spec_;
  std::size_t kept_ = 0;
  std::size_t hidden_ = 0;
  std::size_t vocab_ = 0;
  std::size_t row_block_ = 1;
  std::unique_ptr<LinearLayer> transform_;
  Norm norm_;
  std::vector<DecoderBlock> decoder_;
  std::vector<float> token_weight_;  ///< of `own_token`, [hidden]
  float token_bias_ = 0.0F;
  std::vector<bool> skipped_;  ///< by token id; shorter than the vocabulary
};

}  // namespace embedtool
