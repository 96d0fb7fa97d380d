#include "core/model/head.hpp"

#include <algorithm>
#include <cmath>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/math/kernels.hpp"
#include "core/model/row_shape.hpp"
#include "core/model/weights.hpp"

namespace embedtool {

Head::Head(const HeadSpec& spec, std::size_t hidden, const LinearFactory& make)
    : pooling_(spec.pooling),
      hidden_(hidden),
      row_block_(make.backend.row_block()),
      skips_first_(spec.skips_first),
      normalize_(spec.normalize) {
  const RowShape shape = row_shape(spec, hidden, 0);
  multi_vector_ = shape.kind == RowKind::multi;
  dims_ = shape.dims;
  for (const TokenId id : spec.skipped) {
    const auto index = static_cast<std::size_t>(id);
    if (index >= skipped_.size()) skipped_.resize(index + 1);
    skipped_[index] = true;
  }
  pooled_width_ = hidden * pooling_.size();
  widest_ = pooled_width_;
  std::size_t width = pooled_width_;
  for (const DenseSpec& dense : spec.dense) {
    if (dense.in != width) {
      throw Error(ExitCode::model, "a dense layer of the head takes {} inputs, but gets {}",
                  dense.in, width);
    }
    const WeightReader reader(*dense.weights, {});
    Dense made{dense, reader.linear({dense.name}, dense.in, dense.out, dense.activation, make),
               nullptr};
    if (dense.residual && reader.find("residual.weight") != nullptr) {
      made.projection =
          reader.linear({"residual"}, dense.in, dense.out, Activation::identity, make);
    } else if (dense.residual && dense.in != dense.out) {
      throw Error(ExitCode::model, "a dense layer's residual has no projection from {} to {}",
                  dense.in, dense.out);
    }
    dense_.push_back(std::move(made));
    width = dense.out;
    widest_ = std::max(widest_, width);
  }
}

std::size_t Head::vector_count(std::span<const TokenId> ids) const {
  if (!multi_vector_) return 1;
  if (skips_first_ && !ids.empty()) ids = ids.subspan(1);
  const auto skipped =
      std::count_if(ids.begin(), ids.end(), [this](TokenId id) { return is_skipped(id); });
  return ids.size() - static_cast<std::size_t>(skipped);
}

std::size_t Head::owned_bytes() const {
  std::size_t bytes = 0;
  for (const Dense& dense : dense_) {
    bytes += dense.layer->owned_bytes();
    if (dense.projection != nullptr) bytes += dense.projection->owned_bytes();
  }
  return bytes;
}

double Head::flops_per_vector() const {
  double flops = 0;
  for (const Dense& dense : dense_) {
    const double product = 2.0 * static_cast<double>(dense.spec.in * dense.spec.out);
    flops += dense.projection != nullptr ? 2 * product : product;
  }
  return flops;
}

std::size_t Head::workspace_bytes(std::size_t vectors) const {
  const std::size_t rows = round_up(vectors, row_block_);
  const std::size_t buffers = dense_.empty() ? 1 : 3;
  return rows * widest_ * buffers * sizeof(float);
}

void Head::reserve(Workspace& workspace, std::size_t vectors) const {
  const std::size_t rows = round_up(vectors, row_block_);
  workspace.pooled.reserve(rows * widest_);
  if (dense_.empty()) return;
  workspace.projected.reserve(rows * widest_);
  workspace.residual.reserve(rows * widest_);
}

void Head::run(const Batch& batch, const float* states, Workspace& workspace, StageClock& clock,
               float* out) const {
  std::size_t vectors = multi_vector_ ? batch.tokens() : batch.size();
  clock.enter(Stage::pool);
  reserve(workspace, vectors);
  float* pooled = workspace.pooled.data();
  if (multi_vector_) {
    vectors = keep_tokens(batch, states, pooled);
  } else {
    pool_texts(batch, states, pooled);
  }
  run_pooled(vectors, workspace, clock, out);
}

void Head::run_pooled(std::size_t vectors, Workspace& workspace, StageClock& clock,
                      float* out) const {
  EMBEDTOOL_CHECK(vectors * pooled_width_ <= workspace.pooled.capacity());
  std::size_t width = pooled_width_;
  if (!dense_.empty()) {
    clock.enter(Stage::head);
    for (const Dense& dense : dense_) {
      apply_dense(dense, vectors, workspace);
      width = dense.spec.out;
    }
  }
  clock.enter(Stage::normalize);
  finish(workspace.pooled.data(), vectors, width, out);
}

/// States of the tokens that are not left out, back to back; their number.
std::size_t Head::keep_tokens(const Batch& batch, const float* states, float* kept) const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    for (std::size_t t = batch.offsets[i]; t < batch.offsets[i + 1]; ++t) {
      const bool first = t == batch.offsets[i];
      if ((first && skips_first_) || is_skipped(batch.ids[t])) continue;
      std::copy_n(states + t * hidden_, hidden_, kept + count++ * hidden_);
    }
  }
  return count;
}

void Head::pool_texts(const Batch& batch, const float* states, float* pooled) const {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::size_t begin = batch.offsets[i];
    const std::size_t tokens = batch.offsets[i + 1] - begin;
    for (std::size_t p = 0; p < pooling_.size(); ++p) {
      pool(pooling_[p], states + begin * hidden_, tokens, hidden_,
           pooled + i * pooled_width_ + p * hidden_);
    }
  }
}

/// One dense layer over workspace.pooled, which also takes the result.
void Head::apply_dense(const Dense& dense, std::size_t vectors, Workspace& workspace) const {
  EMBEDTOOL_CHECK(round_up(vectors, row_block_) * widest_ <= workspace.projected.capacity());
  workspace.gemm.reserve(dense.layer->scratch_bytes());
  dense.layer->forward(workspace.pooled.data(), vectors, workspace.projected.data(),
                       workspace.gemm.data());
  float* result = workspace.projected.data();
  const std::size_t n = vectors * dense.spec.out;
  if (dense.projection != nullptr) {
    workspace.gemm.reserve(dense.projection->scratch_bytes());
    dense.projection->forward(workspace.pooled.data(), vectors, workspace.residual.data(),
                              workspace.gemm.data());
    add(result, workspace.residual.data(), n);
  } else if (dense.spec.residual) {
    add(result, workspace.pooled.data(), n);
  }
  std::copy_n(result, n, workspace.pooled.data());
}

/// Matryoshka cut, then L2 normalization as torch.nn.functional.normalize does it.
void Head::finish(const float* vectors, std::size_t count, std::size_t width, float* out) const {
  constexpr float kLeastNorm = 1e-12F;
  for (std::size_t i = 0; i < count; ++i) {
    float* vector = out + i * dims_;
    std::copy_n(vectors + i * width, dims_, vector);
    if (!normalize_) continue;
    scale(vector, 1.0F / std::max(std::sqrt(sum_of_squares(vector, dims_)), kLeastNorm), dims_);
  }
}

}  // namespace embedtool
