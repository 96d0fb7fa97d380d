#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/data.hpp"
#include "core/math/gemm.hpp"
#include "core/math/matrix.hpp"
#include "core/model/linear.hpp"
#include "core/model/readout.hpp"
#include "core/model/spec.hpp"
#include "core/model/workspace.hpp"

namespace embedtool {

/// From token states to finished vectors: pooling, dense layers, Matryoshka cut, normalization
/// (sentence-transformers' modules behind the Transformer).
class Head final : public Readout {
 public:
  /// `hidden`: width of a token state. Throws Error(model) when dense layers do not chain.
  Head(const HeadSpec& spec, std::size_t hidden, const LinearFactory& make);

  RowKind kind() const override { return multi_vector_ ? RowKind::multi : RowKind::dense; }
  std::size_t dims() const override { return dims_; }
  std::size_t vector_count(std::span<const TokenId> ids) const override;

  void run(const Batch& batch, ConstMatrix states, EncodeContext& context,
           RowBatch& out) const override;
  /// The head averages a text's states first and does nothing else with them: then the caller may
  /// put the averages into averages_of() instead of calling run(), and call run_averages().
  bool averages() const { return averages_; }
  /// [texts, hidden] in Workspace::pooled.
  Matrix averages_of(const Batch& batch, Workspace& workspace) const;
  void run_averages(const Batch& batch, EncodeContext& context, RowBatch& out) const;
  /// The sums of the states of each of the batch's spans: vectors of the states' width.
  void sum_spans(const Batch& batch, ConstMatrix states, EncodeContext& context,
                 RowBatch& out) const;

  void lay_out(const BatchShape& shape, WorkspaceLayout& layout) const override;
  RowLayout rows(const BatchShape& shape) const override;
  double flops(double tokens, double vectors) const override;
  std::size_t owned_bytes() const override;

 private:
  struct Dense {
    DenseSpec spec;
    Linear layer;
    Linear projection;  ///< of the residual; empty = none or the identity
  };

  void make_dense(const DenseSpec& spec, std::size_t width, const LinearFactory& make);
  bool is_skipped(TokenId id) const {
    return static_cast<std::size_t>(id) < skipped_.size() && skipped_[static_cast<std::size_t>(id)];
  }
  std::size_t most_vectors(std::size_t texts, std::size_t tokens) const {
    return multi_vector_ ? tokens : texts;
  }
  std::size_t keep_tokens(const Batch& batch, ConstMatrix states, Matrix kept) const;
  void pool_texts(const Batch& batch, ConstMatrix states, Matrix pooled) const;
  void finish_pooled(const Batch& batch, std::size_t vectors, EncodeContext& context,
                     RowBatch& out) const;
  void apply_dense(const Dense& dense, std::size_t vectors, EncodeContext& context) const;
  Matrix make_room(const Batch& batch, RowBatch& out) const;
  void finish(ConstMatrix vectors, Matrix out) const;

  std::vector<Pooling> pooling_;
  std::vector<bool> skipped_;  ///< by token id; shorter than the vocabulary
  std::vector<Dense> dense_;
  std::size_t hidden_ = 0;
  std::size_t pooled_width_ = 0;
  std::size_t widest_ = 0;  ///< widest vector between pooling and the cut
  std::size_t dims_ = 0;
  std::size_t row_block_ = 1;
  bool multi_vector_ = false;
  bool averages_ = false;
  std::size_t prompt_tokens_ = 0;
  bool skips_first_ = false;
  bool normalize_ = true;
};

}  // namespace embedtool
