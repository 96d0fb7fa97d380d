#include "core/model/block.hpp"

#include <algorithm>
#include <vector>

#include "core/math/block_kernels.hpp"

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

FeedForward::FeedForward(const ModelSpec& spec, std::size_t layer, const WeightReader& reader,
                         const LinearFactory& make)
    : spec_(spec) {
  const TensorNames& n = spec.names;
  const auto name = [layer](const std::string& pattern) { return layer_name(pattern, layer); };
  std::vector<WeightReader::Part> parts{{name(n.ffn_up), spec.up_width()}};
  if (!n.ffn_gate.empty()) parts = {{name(n.ffn_gate), spec.ffn}, {name(n.ffn_up), spec.ffn}};
  up_ =
      reader.linear(parts, spec.hidden, spec.gated ? Activation::identity : spec.activation, make);
  down_ = reader.linear({{name(n.ffn_down), spec.hidden}}, spec.ffn, Activation::identity, make);
}

void FeedForward::apply(ConstMatrix x, Matrix out, EncodeContext& context) const {
  float* memory = context.workspace.intermediate.data();
  up_.apply(x, {memory, x.height(), spec_.up_width()}, context);
  if (spec_.gated) {
    context.clock.charge_to(Stage::elementwise);
    gate({.x = memory,
          .rows = x.height(),
          .n = spec_.ffn,
          .activation = spec_.activation,
          .gate_second = spec_.gate_second,
          .out = memory});
  }
  down_.apply(ConstMatrix(memory, x.height(), spec_.ffn), out, context);
}

void FeedForward::lay_out(std::size_t rows, WorkspaceLayout& layout) const {
  layout.need(&Workspace::intermediate, rows * spec_.up_width());
  up_.lay_out(layout);
  down_.lay_out(layout);
}

TransformerBlock::TransformerBlock(const ModelSpec& spec, const AttentionPositions& positions,
                                   std::size_t layer, const WeightReader& reader,
                                   const LinearFactory& make)
    : spec_(spec),
      blocking_{make.backend.row_block()},
      attention_(spec, positions, layer, reader, make),
      attention_output_(
          reader.linear({{layer_name(spec.names.attention_output, layer), spec.hidden}},
                        spec.query_width(), Activation::identity, make)),
      attention_residual_(make_residual(
          spec, layer, reader, layer > 0 || spec.first_norm ? spec.names.attention_norm : "",
          spec.names.attention_post_norm)),
      feed_forward_(spec, layer, reader, make),
      feed_forward_residual_(
          make_residual(spec, layer, reader, spec.names.ffn_norm, spec.names.ffn_post_norm)) {}

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
    feed_forward_.apply(feed_forward_residual_.input(states, context), y, context);
    feed_forward_residual_.add(y, states, context);
  }
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
  feed_forward_.lay_out(chunk, layout);
}

std::size_t TransformerBlock::owned_bytes() const {
  return attention_.owned_bytes() + attention_output_.owned_bytes() + feed_forward_.owned_bytes();
}

std::size_t TransformerBlock::borrowed_bytes() const {
  return attention_.borrowed_bytes() + attention_output_.borrowed_bytes() +
         feed_forward_.borrowed_bytes();
}

}  // namespace embedtool
