#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/data.hpp"
#include "core/math/gemm.hpp"
#include "core/math/matrix.hpp"
#include "core/model/linear.hpp"
#include "core/model/norm.hpp"
#include "core/model/readout.hpp"
#include "core/model/spec.hpp"
#include "core/model/weights.hpp"
#include "core/model/workspace.hpp"

namespace embedtool {

/// From token states to weights of the vocabulary's tokens, see SparseSpec.
///
/// Logits of a batch would be tokens × vocabulary floats. They are made a block of some rows and
/// some columns at a time instead, and only what a text's tokens have given so far is kept: the
/// largest logit, or the sum, of one block of columns. A text's weights do not depend on its batch
/// mates.
class SparseHead final : public Readout {
 public:
  /// `kept`: the heaviest weights of a row that are kept; 0 = all. Throws Error(model) naming a
  /// tensor that is missing or does not fit.
  SparseHead(const SparseSpec& spec, std::size_t kept, const ModelSpec& model,
             const WeightReader& reader, const LinearFactory& make);

  RowKind kind() const override { return RowKind::sparse; }
  std::size_t dims() const override { return vocab_; }
  std::size_t vector_count(std::span<const TokenId>) const override { return 1; }
  std::size_t most_entries() const override { return kept_ == 0 ? vocab_ : kept_; }

  /// Each row's entries are heaviest first, of equal weights the lower id first.
  void run(const Batch& batch, ConstMatrix states, EncodeContext& context,
           RowBatch& out) const override;

  void lay_out(const BatchShape& shape, WorkspaceLayout& layout) const override;
  RowLayout rows(const BatchShape& shape) const override;
  double flops(double tokens, double vectors) const override;
  std::size_t owned_bytes() const override;

 private:
  struct DecoderBlock {
    std::size_t first = 0;  ///< token
    std::size_t tokens = 0;
    Linear layer;
  };

  void make_decoder(const WeightReader& reader, const ModelSpec& model, const LinearFactory& make);
  void make_block(DecoderBlock& block, const TensorView& table, std::span<const float> bias,
                  const LinearFactory& make) const;
  void weigh_vocabulary(const Batch& batch, ConstMatrix states, EncodeContext& context) const;
  void pool_block(const DecoderBlock& block, const Batch& batch, ConstMatrix transformed,
                  Matrix pooled, EncodeContext& context) const;
  void pool_row(const float* logits, std::size_t n, float* pooled) const;
  void weigh_own_tokens(const Batch& batch, ConstMatrix states, Workspace& w) const;
  void keep_heaviest(std::vector<SparsePending>& pending) const;
  void collect(std::size_t texts, Workspace& w, RowBatch& out) const;
  float weight_of(float logit) const;
  std::size_t columns() const;
  std::size_t chunk_rows() const;
  std::size_t most_pending(const BatchShape& shape) const;

  SparseSpec spec_;
  std::size_t kept_ = 0;
  std::size_t hidden_ = 0;
  std::size_t vocab_ = 0;
  std::size_t row_block_ = 1;
  Linear transform_;
  Norm norm_;
  std::vector<DecoderBlock> decoder_;
  std::vector<float> token_weight_;  ///< of `own_token`, [hidden]
  float token_bias_ = 0.0F;
  std::vector<bool> skipped_;  ///< by token id; shorter than the vocabulary
};

}  // namespace embedtool
