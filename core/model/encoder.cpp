#include "core/model/encoder.hpp"

#include <algorithm>
#include <vector>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/base/threads.hpp"
#include "core/math/matrix.hpp"
#include "core/model/block.hpp"
#include "core/model/blocking.hpp"
#include "core/model/embeddings.hpp"
#include "core/model/head.hpp"
#include "core/model/norm.hpp"
#include "core/model/positions.hpp"
#include "core/model/readout.hpp"
#include "core/model/sparse_head.hpp"
#include "core/model/weights.hpp"

namespace embedtool {

struct Encoder::Parts {
  ModelSpec spec;
  Blocking blocking;
  WeightReader reader;
  Embeddings embeddings;
  AttentionPositions positions;
  std::vector<std::unique_ptr<TransformerBlock>> blocks;
  Norm final_norm;
  std::unique_ptr<Readout> readout;
  /// The readout of a static model whose vectors are plain averages of table rows; else null.
  const Head* averaging = nullptr;
  /// The readout of another model whose vectors are averages of token states; else null.
  const Head* mean = nullptr;

  Parts(const ModelSpec& model, const HeadSpec& head, const WeightSource& weights,
        const LinearFactory& make)
      : spec(model),
        blocking(spec, make.backend),
        reader(weights, spec.prefixes),
        embeddings(spec, weights, reader, make),
        positions(spec, reader),
        blocks(spec.shared_layers == 0 ? spec.layers : spec.shared_layers) {
    parallel_for(blocks.size(), [&](std::size_t i) {  // packing weights takes most of a load
      blocks[i] = std::make_unique<TransformerBlock>(spec, positions, i, reader, make);
    });
    if (!spec.names.final_norm.empty()) {
      final_norm = Norm(spec, reader, spec.names.final_norm, spec.hidden);
    }
    make_readout(head, make);
  }

  void make_readout(const HeadSpec& head, const LinearFactory& make) {
    if (head.sparse.kind != SparseKind::none) {
      readout = std::make_unique<SparseHead>(head.sparse, head.dims, spec, reader, make);
      return;
    }
    auto dense =
        std::make_unique<Head>(head, spec.hidden, LinearFactory{make.backend, Compute::f32});
    if (spec.layers == 0 && embeddings.only_looks_up() && final_norm.empty() && dense->averages()) {
      averaging = dense.get();
    }
    if (spec.layers > 0 && dense->averages()) mean = dense.get();
    readout = std::move(dense);
  }

  /// The weights of a layer: sets of weights serve stretches of equal length.
  const TransformerBlock& block_of(std::size_t layer) const {
    return *blocks[layer * blocks.size() / spec.layers];
  }
  WorkspaceLayout layout(const BatchShape& shape) const;
  void check(const Batch& batch) const;
  void average_rows(const Batch& batch, EncodeContext& context, RowBatch& out) const;
  Matrix transform(const Batch& batch, EncodeContext& context) const;
};

void Encoder::Parts::check(const Batch& batch) const {
  EMBEDTOOL_CHECK(batch.offsets.front() == 0 && batch.tokens() == batch.ids.size());
  EMBEDTOOL_CHECK(std::is_sorted(batch.offsets.begin(), batch.offsets.end()));
  embeddings.table().check(batch.ids);
  if (spec.max_positions == 0) return;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::size_t tokens = batch.offsets[i + 1] - batch.offsets[i];
    if (tokens > spec.max_positions) {
      throw Error(ExitCode::model, "a sequence of {} tokens, but the model has {} positions",
                  tokens, spec.max_positions);
    }
  }
}

WorkspaceLayout Encoder::Parts::layout(const BatchShape& shape) const {
  WorkspaceLayout layout;
  readout->lay_out(shape, layout);
  if (averaging != nullptr) return layout;
  // A group's last row block may reach behind the last token.
  const std::size_t rows = std::max<std::size_t>(shape.tokens, 1) + blocking.row_block - 1;
  layout.need(&Workspace::states, rows * spec.hidden);
  embeddings.lay_out(rows, layout);
  for (const auto& block : blocks) block->lay_out(shape, layout);
  return layout;
}

/// The finished token states of a batch: embeddings, blocks, final norm.
Matrix Encoder::Parts::transform(const Batch& batch, EncodeContext& context) const {
  const Matrix states(context.workspace.states.data(), batch.tokens(), spec.hidden);
  embeddings.apply(batch, states, context);
  for (std::size_t layer = 0; layer < spec.layers; ++layer) {
    for (TextGroup group; group.last < batch.size();) {
      group = blocking.group_from(batch, group.last);
      const std::size_t begin = batch.offsets[group.first];
      const std::size_t tokens = batch.offsets[group.last] - begin;
      block_of(layer).apply(batch, group, spec.is_local(layer), states.rows_from(begin, tokens),
                            context);
    }
  }
  if (!final_norm.empty()) {
    context.clock.charge_to(Stage::elementwise);
    final_norm.apply(states, states);
  }
  return states;
}

/// Averages of table rows, without writing the rows down first.
void Encoder::Parts::average_rows(const Batch& batch, EncodeContext& context, RowBatch& out) const {
  context.clock.charge_to(Stage::lookup);
  const Matrix averages = averaging->averages_of(batch, context.workspace);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::size_t begin = batch.offsets[i];
    embeddings.table().average(batch.ids.subspan(begin, batch.offsets[i + 1] - begin),
                               averages.row_data(i));
  }
  averaging->run_averages(batch, context, out);
}

Encoder::Encoder(const ModelSpec& spec, const HeadSpec& head, const WeightSource& weights,
                 const GemmBackend& backend, Compute compute)
    : parts_(std::make_unique<Parts>(spec, head, weights, LinearFactory{backend, compute})) {}
Encoder::~Encoder() = default;
Encoder::Encoder(Encoder&&) noexcept = default;

std::size_t Encoder::dims() const {
  return parts_->readout->dims();
}
RowKind Encoder::kind() const {
  return parts_->readout->kind();
}
std::size_t Encoder::most_entries() const {
  return parts_->readout->most_entries();
}
std::size_t Encoder::hidden() const {
  return parts_->spec.hidden;
}
bool Encoder::averages() const {
  return parts_->mean != nullptr;
}
std::size_t Encoder::vector_count(std::span<const TokenId> ids) const {
  return parts_->readout->vector_count(ids);
}
std::size_t Encoder::max_tokens() const {
  return parts_->spec.max_positions;
}
std::size_t Encoder::vocab_size() const {
  return parts_->embeddings.table().vocab_size();
}

std::size_t Encoder::owned_bytes() const {
  std::size_t bytes = parts_->embeddings.owned_bytes() + parts_->positions.owned_bytes() +
                      parts_->readout->owned_bytes();
  for (const auto& block : parts_->blocks) bytes += block->owned_bytes();
  return bytes;
}

std::size_t Encoder::borrowed_bytes() const {
  std::size_t bytes = parts_->embeddings.borrowed_bytes();
  for (const auto& block : parts_->blocks) bytes += block->borrowed_bytes();
  return bytes;
}

double Encoder::linear_flops(double tokens, double vectors) const {
  double flops = parts_->embeddings.flops();
  for (std::size_t layer = 0; layer < parts_->spec.layers; ++layer) {
    flops += parts_->block_of(layer).flops();
  }
  return tokens * flops + parts_->readout->flops(tokens, vectors);
}

double Encoder::attention_flops(std::size_t tokens) const {
  const ModelSpec& s = parts_->spec;
  const auto n = static_cast<double>(tokens);
  double keys = 0;  // that a query sees, over all layers
  for (std::size_t layer = 0; layer < s.layers; ++layer) {
    const double seen = s.causal ? (n + 1) / 2 : n;
    keys += s.is_local(layer) ? std::min(seen, 2.0 * static_cast<double>(s.local_span) + 1) : seen;
  }
  return 4.0 * n * keys * static_cast<double>(s.query_width());  // QKᵀ and PV
}

std::size_t Encoder::computed_rows(const Batch& batch) const {
  if (parts_->blocks.empty()) return batch.tokens();
  const Blocking& blocking = parts_->blocking;
  std::size_t rows = 0;
  for (TextGroup group; group.last < batch.size();) {
    group = blocking.group_from(batch, group.last);
    rows += round_up(batch.offsets[group.last] - batch.offsets[group.first], blocking.row_block);
  }
  return rows;
}

WorkspaceLayout Encoder::layout(const BatchShape& shape) const {
  return parts_->layout(shape);
}
std::size_t Encoder::workspace_bytes(const BatchShape& shape) const {
  return layout(shape).bytes();
}
std::size_t Encoder::result_bytes(const BatchShape& shape) const {
  return parts_->readout->rows(shape).bytes();
}
void Encoder::reserve(Workspace& workspace, const BatchShape& shape) const {
  layout(shape).reserve(workspace);
}
void Encoder::reserve(RowBatch& rows, const BatchShape& shape) const {
  parts_->readout->rows(shape).reserve(rows);
}

void Encoder::encode(const Batch& batch, Workspace& workspace, StageClock& clock,
                     RowBatch& out) const {
  out.weights.clear();
  out.offsets.assign(1, 0);
  if (batch.size() == 0) return;
  parts_->check(batch);
  BatchShape shape{batch.size(), batch.tokens(), 0};
  for (std::size_t i = 0; i < batch.size(); ++i) {
    shape.longest = std::max<std::size_t>(shape.longest, batch.offsets[i + 1] - batch.offsets[i]);
  }
  reserve(workspace, shape);
  const Stage before = clock.current();
  EncodeContext context{workspace, clock};
  if (!batch.span_offsets.empty()) {
    EMBEDTOOL_CHECK(parts_->mean != nullptr && batch.span_offsets.size() == batch.offsets.size());
    parts_->mean->sum_spans(batch, parts_->transform(batch, context), context, out);
  } else if (parts_->averaging != nullptr) {
    parts_->average_rows(batch, context, out);
  } else {
    parts_->readout->run(batch, parts_->transform(batch, context), context, out);
  }
  clock.enter(before);
}

void Encoder::finish(ConstMatrix averages, Workspace& workspace, StageClock& clock,
                     RowBatch& out) const {
  EMBEDTOOL_CHECK(parts_->mean != nullptr && averages.width() == parts_->spec.hidden);
  const std::size_t vectors = averages.height();
  WorkspaceLayout layout;
  parts_->mean->lay_out({vectors, vectors, 1}, layout);
  layout.reserve(workspace);
  const std::vector<std::uint32_t> no_tokens(vectors + 1, 0);
  const Batch batch{{}, no_tokens};
  const Matrix pooled = parts_->mean->averages_of(batch, workspace);
  std::copy_n(averages.data(), vectors * averages.width(), pooled.data());
  out.offsets.assign(1, 0);
  const Stage before = clock.current();
  EncodeContext context{workspace, clock};
  parts_->mean->run_averages(batch, context, out);
  clock.enter(before);
}

}  // namespace embedtool
