#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "core/base/profile.hpp"
#include "core/data.hpp"
#include "core/math/gemm.hpp"
#include "core/model/spec.hpp"
#include "core/model/workspace.hpp"

namespace embedtool {

/// From token states to finished vectors: pooling, dense layers, Matryoshka cut, normalization
/// (sentence-transformers' modules behind the Transformer). Immutable, thread-safe.
class Head {
 public:
  /// `hidden`: width of a token state. Throws Error(model) when dense layers do not chain.
  Head(const HeadSpec& spec, std::size_t hidden, const LinearFactory& make);

  std::size_t dims() const { return dims_; }
  bool multi_vector() const { return multi_vector_; }
  /// Vectors that a sequence gives.
  std::size_t vector_count(std::span<const TokenId> ids) const;
  std::size_t owned_bytes() const;
  double flops_per_vector() const;

  /// Bytes of the head's part of a workspace for `vectors` vectors (texts, or tokens).
  void reserve(Workspace& workspace, std::size_t vectors) const;
  std::size_t workspace_bytes(std::size_t vectors) const;

  /// `states` [tokens, hidden] of the batch → `out` [vectors, dims()].
  void run(const Batch& batch, const float* states, Workspace& workspace, StageClock& clock,
           float* out) const;
  /// The head averages a text's states and does nothing else to them at first: then run_pooled()
  /// takes the averages, which the caller put into workspace.pooled, after reserve().
  bool averages() const {
    return !multi_vector_ && pooling_.size() == 1 && pooling_[0] == Pooling::mean;
  }
  void run_pooled(std::size_t vectors, Workspace& workspace, StageClock& clock, float* out) const;

 private:
  struct Dense {
    DenseSpec spec;
    std::unique_ptr<LinearLayer> layer;
    std::unique_ptr<LinearLayer> projection;  ///< of the residual; null = none or the identity
  };

  bool is_skipped(TokenId id) const {
    return static_cast<std::size_t>(id) < skipped_.size() && skipped_[static_cast<std::size_t>(id)];
  }
  std::size_t keep_tokens(const Batch& batch, const float* states, float* kept) const;
  void pool_texts(const Batch& batch, const float* states, float* pooled) const;
  void apply_dense(const Dense& dense, std::size_t vectors, Workspace& workspace) const;
  void finish(const float* vectors, std::size_t count, std::size_t width, float* out) const;

  std::vector<Pooling> pooling_;
  std::vector<bool> skipped_;  ///< by token id; shorter than the vocabulary
  std::vector<Dense> dense_;
  std::size_t hidden_ = 0;
  std::size_t pooled_width_ = 0;
  std::size_t widest_ = 0;  ///< widest vector between pooling and the cut
  std::size_t dims_ = 0;
  std::size_t row_block_ = 1;
  bool multi_vector_ = false;
  bool skips_first_ = false;
  bool normalize_ = true;
};

}  // namespace embedtool
