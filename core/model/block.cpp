#include "core/model/block.hpp"

#include <algorithm>

namespace embedtool {
namespace {

Residual make_residual(const ModelSpec& spec, std::size_t layer, const WeightReader& reader,
                       const std::string& norm, const std::string& post_norm) {
  const auto make = [&](const std::string& pattern) {
    if (pattern.empty()) return Norm();
    return Norm(spec, reader, layer_name(pattern, layer), spec.hidden);
  };
  return {spec.block_norms, make(norm), make(post_norm)};
}

}  // namespace

TransformerBlock::TransformerBlock(const ModelSpec& spec, const AttentionPositions& positions,
                                   std::size_t layer, const WeightReader& reader,
                                   const LinearFactory& make)
    : spec_(spec),
      blocking_(spec, make.backend),
      attention_(spec, positions, layer, reader, make),
      attention_output_(
          reader.linear({{layer_name(spec.names.attention_output, layer), spec.hidden}},
                        spec.query_width(), Activation::identity, make)),
      attention_residual_(make_residual(
          spec, layer, reader, layer > 0 || spec.first_norm ? spec.names.attention_norm : "",
          spec.names.attention_post_norm)),
      feed_forward_residual_(
          make_residual(spec, layer, reader, spec.names.ffn_norm, spec.names.ffn_post_norm)) {
  if (spec.experts.is_at(layer)) {
    experts_.emplace(spec, blocking_, layer, reader, make);
  } else {
    feed_forward_.emplace(spec, layer, reader, make);
  }
}

void TransformerBlock::apply(const Batch& batch, TextGroup group, bool local, Matrix x,
                             EncodeContext& context) const {
  Matrix mixed =
      attention_.apply(batch, group, local, attention_residual_.input(x, context), context);
  // Everything else treats tokens one by one: a chunk of rows at a time stays in cache.
  const std::size_t chunk = blocking_.chunk_rows(x.height());
  for (std::size_t first = 0; first < x.height(); first += chunk) {
    const std::size_t rows = std::min(chunk, x.height() - first);
    const Matrix states = x.rows_from(first, rows);
    const Matrix y(context.workspace.block.data(), rows, spec_.hidden);
    attention_output_.apply(mixed.rows_from(first, rows), y, context);
    attention_residual_.add(y, states, context);
    if (!feed_forward_) continue;
    feed_forward_->apply(feed_forward_residual_.input(states, context), y, context);
    feed_forward_residual_.add(y, states, context);
  }
  if (!experts_) return;
  const Matrix y = experts_->apply(feed_forward_residual_.input(x, context), context);
  feed_forward_residual_.add(y, x, context);
}

void TransformerBlock::lay_out(const BatchShape& shape, WorkspaceLayout& layout) const {
  const std::size_t group = blocking_.group_room(shape.tokens, shape.longest);
  const std::size_t chunk = blocking_.max_chunk();
  if (spec_.block_norms != BlockNorms::post) {
    layout.need(&Workspace::normed, std::max(group, chunk) * spec_.hidden);
  }
  layout.need(&Workspace::block, chunk * spec_.hidden);
  attention_.lay_out(shape, group, layout);
  attention_output_.lay_out(layout);
  if (feed_forward_) feed_forward_->lay_out(chunk, layout);
  if (experts_) experts_->lay_out(group, layout);
}

double TransformerBlock::flops() const {
  return attention_.flops() + attention_output_.flops() +
         (experts_ ? experts_->flops() : feed_forward_->flops());
}

std::size_t TransformerBlock::owned_bytes() const {
  return attention_.owned_bytes() + attention_output_.owned_bytes() +
         (experts_ ? experts_->owned_bytes() : feed_forward_->owned_bytes());
}

std::size_t TransformerBlock::borrowed_bytes() const {
  return attention_.borrowed_bytes() + attention_output_.borrowed_bytes() +
         (experts_ ? experts_->borrowed_bytes() : feed_forward_->borrowed_bytes());
}

}  // namespace embedtool
