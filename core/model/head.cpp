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
      averages_(spec.averages()),
      prompt_tokens_(spec.prompt_tokens),
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
    make_dense(dense, width, make);
    width = dense.out;
    widest_ = std::max(widest_, width);
  }
}

/// Appends a dense layer to the chain, whose vectors are `width` wide so far.
void Head::make_dense(const DenseSpec& spec, std::size_t width, const LinearFactory& make) {
  if (spec.in != width) {
    throw Error(ExitCode::model, "a dense layer of the head takes {} inputs, but gets {}", spec.in,
                width);
  }
  const WeightReader reader(*spec.weights, {});
  Dense dense{spec, reader.linear({{spec.name, spec.out}}, spec.in, spec.activation, make), {}};
  if (spec.residual && reader.find("residual.weight") != nullptr) {
    dense.projection = reader.linear({{"residual", spec.out}}, spec.in, Activation::identity, make);
  } else if (spec.residual && spec.in != spec.out) {
    throw Error(ExitCode::model, "a dense layer's residual has no projection from {} to {}",
                spec.in, spec.out);
  }
  dense_.push_back(std::move(dense));
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
    bytes += dense.layer.owned_bytes() + dense.projection.owned_bytes();
  }
  return bytes;
}

double Head::flops(double, double vectors) const {
  double flops = 0;
  for (const Dense& dense : dense_) flops += dense.layer.flops() + dense.projection.flops();
  return vectors * flops;
}

void Head::lay_out(const BatchShape& shape, WorkspaceLayout& layout) const {
  const std::size_t rows = round_up(most_vectors(shape.texts, shape.tokens), row_block_);
  layout.need(&Workspace::pooled, rows * widest_);
  for (const Dense& dense : dense_) {
    layout.need(&Workspace::projected, rows * dense.spec.out);
    if (!dense.projection.empty()) layout.need(&Workspace::residual, rows * dense.spec.out);
    dense.layer.lay_out(layout);
    dense.projection.lay_out(layout);
  }
}

RowLayout Head::rows(const BatchShape& shape) const {
  return {.vectors = most_vectors(shape.texts, shape.tokens) * dims_,
          .weights = 0,
          .rows = shape.texts};
}

void Head::run(const Batch& batch, ConstMatrix states, EncodeContext& context,
               RowBatch& out) const {
  context.clock.charge_to(Stage::pool);
  std::size_t vectors = most_vectors(batch.size(), batch.tokens());
  const Matrix pooled(context.workspace.pooled.data(), vectors, pooled_width_);
  if (multi_vector_) {
    vectors = keep_tokens(batch, states, pooled);
  } else {
    pool_texts(batch, states, pooled);
  }
  finish_pooled(batch, vectors, context, out);
}

Matrix Head::averages_of(const Batch& batch, Workspace& workspace) const {
  return {workspace.pooled.data(), batch.size(), hidden_};
}

void Head::run_averages(const Batch& batch, EncodeContext& context, RowBatch& out) const {
  finish_pooled(batch, batch.size(), context, out);
}

void Head::sum_spans(const Batch& batch, ConstMatrix states, EncodeContext& context,
                     RowBatch& out) const {
  context.clock.charge_to(Stage::pool);
  float* sum = out.vectors.reserve(batch.spans.size() * hidden_);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    for (std::size_t s = batch.span_offsets[i]; s < batch.span_offsets[i + 1]; ++s) {
      std::fill_n(sum, hidden_, 0.0F);
      for (std::size_t t = batch.spans[s].begin; t < batch.spans[s].end; ++t) {
        add(sum, states.row_data(batch.offsets[i] + t), hidden_);
      }
      sum += hidden_;
    }
    out.offsets.push_back(batch.span_offsets[i + 1]);
  }
}

/// What comes after pooling, for the vectors in Workspace::pooled.
void Head::finish_pooled(const Batch& batch, std::size_t vectors, EncodeContext& context,
                         RowBatch& out) const {
  EMBEDTOOL_CHECK(vectors * pooled_width_ <= context.workspace.pooled.capacity());
  for (const Dense& dense : dense_) apply_dense(dense, vectors, context);
  context.clock.charge_to(Stage::normalize);
  const std::size_t width = dense_.empty() ? pooled_width_ : dense_.back().spec.out;
  finish(ConstMatrix(context.workspace.pooled.data(), vectors, width), make_room(batch, out));
}

/// States of the tokens that are not left out, back to back; their number.
std::size_t Head::keep_tokens(const Batch& batch, ConstMatrix states, Matrix kept) const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    for (std::size_t t = batch.offsets[i]; t < batch.offsets[i + 1]; ++t) {
      const bool first = t == batch.offsets[i];
      if ((first && skips_first_) || is_skipped(batch.ids[t])) continue;
      std::copy_n(states.row_data(t), hidden_, kept.row_data(count++));
    }
  }
  return count;
}

void Head::pool_texts(const Batch& batch, ConstMatrix states, Matrix pooled) const {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::size_t begin = batch.offsets[i];
    const std::size_t tokens = batch.offsets[i + 1] - begin;
    for (std::size_t p = 0; p < pooling_.size(); ++p) {
      pool(pooling_[p], states.row_data(begin), tokens, hidden_, pooled.row_data(i) + p * hidden_,
           prompt_tokens_);
    }
  }
}

/// One dense layer over Workspace::pooled, which also takes the result.
void Head::apply_dense(const Dense& dense, std::size_t vectors, EncodeContext& context) const {
  Workspace& w = context.workspace;
  EMBEDTOOL_CHECK(round_up(vectors, row_block_) * dense.spec.out <= w.projected.capacity());
  const ConstMatrix x(w.pooled.data(), vectors, dense.spec.in);
  Matrix y(w.projected.data(), vectors, dense.spec.out);
  const std::size_t n = y.height() * y.width();
  dense.layer.apply(x, y, context, Stage::head);
  if (!dense.projection.empty()) {
    const Matrix projected(w.residual.data(), vectors, dense.spec.out);
    dense.projection.apply(x, projected, context, Stage::head);
    add(y.data(), projected.data(), n);
  } else if (dense.spec.residual) {
    add(y.data(), x.data(), n);
  }
  std::copy_n(y.data(), n, w.pooled.data());
}

/// Lays out the rows' vectors and returns where they go.
Matrix Head::make_room(const Batch& batch, RowBatch& out) const {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::size_t begin = batch.offsets[i];
    const auto ids = batch.ids.subspan(begin, batch.offsets[i + 1] - begin);
    out.offsets.push_back(out.offsets.back() + vector_count(ids));
  }
  const std::size_t vectors = out.offsets.back();
  return {out.vectors.reserve(vectors * dims_), vectors, dims_};
}

/// Matryoshka cut, then L2 normalization as torch.nn.functional.normalize does it.
void Head::finish(ConstMatrix vectors, Matrix out) const {
  constexpr float kLeastNorm = 1e-12F;
  for (std::size_t i = 0; i < vectors.height(); ++i) {
    float* vector = out.row_data(i);
    std::copy_n(vectors.row_data(i), dims_, vector);
    if (!normalize_) continue;
    scale(vector, 1.0F / std::max(std::sqrt(sum_of_squares(vector, dims_)), kLeastNorm), dims_);
  }
}

}  // namespace embedtool
