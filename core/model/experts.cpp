#include "core/model/experts.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace embedtool {

void choose_experts(std::span<float> logits, std::size_t chosen) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  float sum = 0.0F;
  for (float& logit : logits) sum += logit = std::exp(logit - largest);
  // A negative sign marks those that are chosen.
  for (std::size_t i = 0; i < chosen; ++i) {
    float& best = *std::max_element(logits.begin(), logits.end());
    best = -best / sum;
  }
  for (float& weight : logits) weight = weight < 0.0F ? -weight : 0.0F;
}

// The router stays in f32: a choice that rounding turns changes a vector more than all weights'
// rounding does.
Experts::Experts(const ModelSpec& spec, const Blocking& blocking, std::size_t layer,
                 const WeightReader& reader, const LinearFactory& make)
    : spec_(spec),
      chunk_(blocking.max_chunk()),
      router_(reader.linear({{layer_name(spec.names.router, layer), spec.experts.count}},
                            spec.hidden, Activation::identity,
                            LinearFactory{make.backend, Compute::f32})) {
  const std::string bias = layer_name(spec.names.experts_bias, layer);
  if (!bias.empty() && reader.find(bias) != nullptr) bias_ = reader.vector(bias, spec.hidden);
  experts_.reserve(spec.experts.count);
  for (std::size_t i = 0; i < spec.experts.count; ++i) {
    experts_.emplace_back(spec, layer, i, reader, make);
  }
}

Matrix Experts::apply(ConstMatrix x, EncodeContext& context) const {
  const Matrix weights(context.workspace.routing.data(), x.height(), experts_.size());
  const Matrix out(context.workspace.mixture.data(), x.height(), spec_.hidden);
  router_.apply(x, weights, context);
  context.clock.charge_to(Stage::elementwise);
  for (std::size_t row = 0; row < x.height(); ++row) {
    choose_experts({weights.row_data(row), weights.width()}, spec_.experts.chosen);
    if (bias_.empty()) {
      std::fill_n(out.row_data(row), out.width(), 0.0F);
    } else {
      std::copy_n(bias_.data(), out.width(), out.row_data(row));
    }
  }
  for (std::size_t i = 0; i < experts_.size(); ++i) add_expert(i, x, weights, out, context);
  return out;
}

/// Gathers the tokens that chose the expert, a chunk at a time, and adds its results to theirs.
void Experts::add_expert(std::size_t expert, ConstMatrix x, ConstMatrix weights, Matrix out,
                         EncodeContext& context) const {
  const std::size_t hidden = spec_.hidden;
  float* const gathered = context.workspace.block.data();
  for (std::size_t first = 0, end = 0; first < x.height(); first = end) {
    context.clock.charge_to(Stage::elementwise);
    std::size_t count = 0;
    for (end = first; end < x.height() && count < chunk_; ++end) {
      if (weights.row_data(end)[expert] == 0.0F) continue;
      std::copy_n(x.row_data(end), hidden, gathered + count++ * hidden);
    }
    if (count == 0) return;
    const Matrix y(gathered, count, hidden);
    experts_[expert].apply(y, y, context);
    context.clock.charge_to(Stage::elementwise);
    for (std::size_t row = first, i = 0; row < end; ++row) {
      const float weight = weights.row_data(row)[expert];
      if (weight != 0.0F) out.rows_from(row, 1) += weight * y.rows_from(i++, 1);
    }
  }
}

void Experts::lay_out(std::size_t rows, WorkspaceLayout& layout) const {
  layout.need(&Workspace::routing, rows * experts_.size());
  layout.need(&Workspace::mixture, rows * spec_.hidden);
  router_.lay_out(layout);
  for (const FeedForward& expert : experts_) expert.lay_out(chunk_, layout);
}

double Experts::flops() const {
  return router_.flops() + static_cast<double>(spec_.experts.chosen) * experts_.front().flops();
}

std::size_t Experts::owned_bytes() const {
  std::size_t bytes = router_.owned_bytes();
  for (const FeedForward& expert : experts_) bytes += expert.owned_bytes();
  return bytes;
}

std::size_t Experts::borrowed_bytes() const {
  std::size_t bytes = router_.borrowed_bytes();
  for (const FeedForward& expert : experts_) bytes += expert.borrowed_bytes();
  return bytes;
}

}  // namespace embedtool
