#include "core/model/attention_layer.hpp"

#include <cmath>
#include <vector>

#include "core/math/attention.hpp"
#include "core/math/block_kernels.hpp"

namespace embedtool {
namespace {

/// Texts of more tokens attend in int8 where the linear layers are in int8: below, attention takes
/// so little of the time that f32 is worth it.
constexpr std::size_t kLongestInF32 = 256;

}  // namespace

AttentionLayer::AttentionLayer(const ModelSpec& spec, const AttentionPositions& positions,
                               std::size_t layer, const WeightReader& reader,
                               const LinearFactory& make)
    : spec_(spec),
      positions_(positions),
      int8_(make.compute == Compute::int8 && has_attention_int8()) {
  const TensorNames& n = spec.names;
  const auto name = [layer](const std::string& pattern) { return layer_name(pattern, layer); };
  std::vector<WeightReader::Part> parts{{name(n.query), spec.qkv_width()}};
  if (!n.key.empty()) {
    parts = {{name(n.query), spec.query_width()},
             {name(n.key), spec.key_width()},
             {name(n.value), spec.key_width()}};
  }
  qkv_ = reader.linear(parts, spec.hidden, Activation::identity, make);
  const auto norm = [&](const std::string& pattern, std::size_t whole) {
    if (pattern.empty()) return Norm();
    return Norm(spec, reader, name(pattern), spec.norms_whole_query ? whole : spec.head_dim());
  };
  query_norm_ = norm(n.query_norm, spec.query_width());
  key_norm_ = norm(n.key_norm, spec.key_width());
}

void AttentionLayer::lay_out(const BatchShape& shape, std::size_t group_rows,
                             WorkspaceLayout& layout) const {
  layout.need(&Workspace::qkv, group_rows * spec_.qkv_width());
  layout.need(&Workspace::context, group_rows * spec_.query_width());
  const std::size_t dims = spec_.head_dim();
  const bool quantizes = int8_ && shape.longest > kLongestInF32;
  layout.need(&Workspace::attention,
              attention_scratch_bytes(quantizes ? kLongestInF32 : shape.longest, dims));
  if (quantizes) {
    layout.need(&Workspace::attention, attention_int8_scratch_bytes(shape.longest, dims));
  }
  qkv_.lay_out(layout);
}

Matrix AttentionLayer::apply(const Batch& batch, TextGroup group, bool local, ConstMatrix x,
                             EncodeContext& context) const {
  Matrix qkv(context.workspace.qkv.data(), x.height(), spec_.qkv_width());
  Matrix out(context.workspace.context.data(), x.height(), spec_.query_width());
  qkv_.apply(x, qkv, context);
  const std::size_t first_token = batch.offsets[group.first];
  for (std::size_t i = group.first; i < group.last; ++i) {
    const std::size_t begin = batch.offsets[i];
    const std::size_t length = batch.offsets[i + 1] - begin;
    if (length == 0) continue;
    attend(batch.ids.subspan(begin, length), local, qkv.rows_from(begin - first_token, length),
           out.rows_from(begin - first_token, length), context);
  }
  return out;
}

/// One text: its queries, keys and values → out.
void AttentionLayer::attend(std::span<const TokenId> ids, bool local, Matrix qkv, Matrix out,
                            EncodeContext& context) const {
  if (!query_norm_.empty() || positions_.angles(0, local) != nullptr) {
    context.clock.charge_to(Stage::elementwise);
    place_tokens(local, qkv);
  }
  context.clock.charge_to(Stage::attention);
  const std::size_t query = spec_.query_width();
  const std::size_t key = spec_.key_width();
  const std::size_t span = local ? spec_.local_span : kUnlimitedSpan;
  const auto attends = int8_ && qkv.height() > kLongestInF32 ? attention_int8 : attention;
  attends({.query = qkv.columns_from(0, query).data(),
           .key = qkv.columns_from(query, key).data(),
           .value = qkv.columns_from(query + key, key).data(),
           .stride = qkv.stride(),
           .length = qkv.height(),
           .heads = spec_.heads,
           .kv_heads = spec_.key_heads(),
           .head_dim = spec_.head_dim(),
           .scale = spec_.attention_scale != 0.0F
                        ? spec_.attention_scale
                        : 1.0F / std::sqrt(static_cast<float>(spec_.head_dim())),
           .out = out.data(),
           .out_stride = out.stride(),
           .left = span,
           .right = spec_.causal ? 0 : span,
           .keys = seen_keys(ids),
           .bias = positions_.bias(),
           .bias_stride = positions_.bias_stride()},
          context.workspace.attention.data());
}

/// Norms the queries and keys of one text and rotates them by their positions, where the model
/// does.
void AttentionLayer::place_tokens(bool local, Matrix qkv) const {
  const std::size_t query_rows = spec_.norms_whole_query ? 1 : spec_.heads;
  const std::size_t key_rows = spec_.norms_whole_query ? 1 : spec_.key_heads();
  for (std::size_t t = 0; t < qkv.height(); ++t) {
    float* row = qkv.row_data(t);
    const Matrix queries(row, query_rows, spec_.query_width() / query_rows);
    const Matrix keys(row + spec_.query_width(), key_rows, spec_.key_width() / key_rows);
    if (!query_norm_.empty()) query_norm_.apply(queries, queries);
    if (!key_norm_.empty()) key_norm_.apply(keys, keys);
    if (const float* angles = positions_.angles(t, local)) {
      rotate({.x = row,
              .heads = spec_.heads + spec_.key_heads(),  // the keys are right behind the queries
              .head_dim = spec_.head_dim(),
              .dims = positions_.rotated(),
              .interleaved = spec_.rotary.interleaved,
              .angles = angles});
    }
  }
}

/// Tokens of a text without its unseen tail; 0 = all.
std::size_t AttentionLayer::seen_keys(std::span<const TokenId> ids) const {
  if (spec_.unseen_tail < 0 || ids.front() == spec_.unseen_tail) return 0;
  std::size_t seen = ids.size();
  while (ids[seen - 1] == spec_.unseen_tail) --seen;
  return seen == ids.size() ? 0 : seen;
}

}  // namespace embedtool
