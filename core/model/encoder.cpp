#include "core/model/encoder.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/base/threads.hpp"
#include "core/math/attention.hpp"
#include "core/math/block_kernels.hpp"
#include "core/math/kernels.hpp"
#include "core/model/block.hpp"
#include "core/model/embedding_table.hpp"
#include "core/model/head.hpp"
#include "core/model/positions.hpp"
#include "core/model/sparse_head.hpp"
#include "core/model/weights.hpp"

namespace embedtool {
namespace {

/// Rows that go through the second half of a block together, so that the FFN's intermediate stays
/// in L2: 64 × 1536 floats are 384 KiB.
constexpr std::size_t kChunkRows = 64;
constexpr std::size_t kMaxChunkRows = kChunkRows * 3 / 2;

/// How tokens are cut up on their way through a block, for a backend's row block.
struct Blocking {
  std::size_t row_block;

  /// Texts go through a block in groups of at least so many tokens: few enough that their queries,
  /// keys and values are still in cache when attention reads them, enough that reading the weights
  /// is worth it and, where a backend computes in row blocks, that filling up the last one is
  /// cheap.
  std::size_t group_tokens() const { return row_block > 1 ? 16 * row_block : kChunkRows; }
  /// Room for the longest group of a batch.
  std::size_t group_room(std::size_t tokens, std::size_t longest) const {
    return round_up(std::max<std::size_t>(std::min(tokens, group_tokens() + longest), 1),
                    row_block);
  }
  /// Chunks of equal length, about kChunkRows, where the backend takes any number of rows.
  std::size_t chunk_rows(std::size_t rows) const {
    if (row_block > 1) return row_block;
    const std::size_t chunks = std::max<std::size_t>(1, (rows + kChunkRows / 2) / kChunkRows);
    return round_up((rows + chunks - 1) / chunks, 8);
  }
  std::size_t max_chunk() const { return row_block > 1 ? row_block : kMaxChunkRows; }
};

/// Texts [first, last) of a batch.
struct Group {
  std::size_t first;
  std::size_t last;
};

Group next_group(const Batch& batch, std::size_t first, std::size_t tokens) {
  std::size_t last = first;
  while (last < batch.size() && batch.offsets[last] - batch.offsets[first] < tokens) ++last;
  return {first, last};
}

}  // namespace

struct Encoder::Parts {
  ModelSpec spec;
  WeightReader reader;
  EmbeddingTable table;
  Norm embedding_norm;
  std::unique_ptr<LinearLayer> embedding_projection;
  AttentionPositions positions;
  std::vector<Block> blocks;
  Norm final_norm;
  Head head;
  std::optional<SparseHead> sparse;  ///< in the place of `head`
  Blocking blocking;

  Parts(const ModelSpec& model, const HeadSpec& head_spec, const WeightSource& weights,
        const LinearFactory& make)
      : spec(model),
        reader(weights, spec.prefixes),
        table(model, weights),
        positions(spec, reader),
        head(head_spec.sparse.kind == SparseKind::none ? head_spec : HeadSpec(), model.hidden,
             {make.backend, Compute::f32}),
        blocking{make.backend.row_block()} {
    const TensorNames& n = spec.names;
    if (!n.embedding_norm.empty()) {
      embedding_norm = Norm(spec, reader, n.embedding_norm, spec.table_width());
    }
    if (!n.embedding_projection.empty()) {
      embedding_projection = reader.linear({{n.embedding_projection, spec.hidden}},
                                           spec.table_width(), Activation::identity, make);
    }
    const std::size_t sets = spec.shared_layers == 0 ? spec.layers : spec.shared_layers;
    blocks.resize(sets);  // packing weights takes most of a model's loading
    parallel_for(sets, [&](std::size_t i) { blocks[i] = Block(spec, i, reader, make); });
    if (!n.final_norm.empty()) final_norm = Norm(spec, reader, n.final_norm, spec.hidden);
    if (head_spec.sparse.kind != SparseKind::none) {
      sparse.emplace(head_spec.sparse, head_spec.dims, spec, reader, make);
    }
  }

  /// The weights of a layer: sets of weights serve stretches of equal length.
  const Block& block_of(std::size_t layer) const {
    return blocks[layer * blocks.size() / spec.layers];
  }
  std::size_t head_vectors(std::size_t texts, std::size_t tokens) const {
    return head.multi_vector() ? tokens : texts;
  }
  std::size_t head_bytes(std::size_t texts, std::size_t tokens) const {
    return sparse ? sparse->workspace_bytes(texts, tokens)
                  : head.workspace_bytes(head_vectors(texts, tokens));
  }
  /// Rows of the buffer that norms write to: a group's, or a chunk's.
  std::size_t normed_rows(std::size_t group) const { return std::max(group, blocking.max_chunk()); }
  std::size_t gemm_scratch() const {
    std::size_t bytes = 0;
    for (const Block& b : blocks) bytes = std::max(bytes, b.scratch_bytes());
    if (embedding_projection) bytes = std::max(bytes, embedding_projection->scratch_bytes());
    return bytes;
  }

  /// A static model whose vectors are plain averages of table rows.
  bool averages_rows() const {
    return spec.layers == 0 && embedding_norm.empty() && !embedding_projection &&
           final_norm.empty() && table.position_row(0) == nullptr && spec.embedding_scale == 1.0F &&
           head.averages() && !sparse;
  }
  RowKind kind() const {
    if (sparse) return RowKind::sparse;
    return head.multi_vector() ? RowKind::multi : RowKind::dense;
  }
  void average_rows(const Batch& batch, Workspace& w, StageClock& clock, RowBatch& out) const;
  void read_out(const Batch& batch, Workspace& w, StageClock& clock, RowBatch& out) const;
  float* make_room(const Batch& batch, RowBatch& out) const;
  void reserve(Workspace& w, std::size_t texts, std::size_t tokens, std::size_t longest) const;
  void compute_states(const Batch& batch, Workspace& w, StageClock& clock) const;
  void check(const Batch& batch) const;
  std::size_t seen_keys(const Batch& batch, std::size_t text) const;
  void embed(const Batch& batch, Workspace& w, StageClock& clock) const;
  void attend(const Batch& batch, const Group& group, std::size_t layer, Workspace& w,
              StageClock& clock) const;
  void place_tokens(const Block& block, bool local, std::size_t length, float* qkv) const;
  void transform_rows(const Block& block, std::size_t begin, std::size_t end, Workspace& w,
                      StageClock& clock) const;
  void feed_forward(const Block& block, const float* x, std::size_t rows, Workspace& w,
                    StageClock& clock) const;
  void add_or_norm(const Norm& norm, const Norm& post_norm, std::size_t rows, float* sub,
                   float* states) const;
};

void Encoder::Parts::check(const Batch& batch) const {
  EMBEDTOOL_CHECK(batch.offsets.front() == 0 && batch.tokens() == batch.ids.size());
  EMBEDTOOL_CHECK(std::is_sorted(batch.offsets.begin(), batch.offsets.end()));
  table.check(batch.ids);
  if (spec.max_positions == 0) return;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::size_t tokens = batch.offsets[i + 1] - batch.offsets[i];
    if (tokens > spec.max_positions) {
      throw Error(ExitCode::model, "a sequence of {} tokens, but the model has {} positions",
                  tokens, spec.max_positions);
    }
  }
}

/// Tokens of a text without its unseen tail; 0 = all.
std::size_t Encoder::Parts::seen_keys(const Batch& batch, std::size_t text) const {
  const std::uint32_t begin = batch.offsets[text];
  std::uint32_t end = batch.offsets[text + 1];
  if (spec.unseen_tail < 0 || batch.ids[begin] == spec.unseen_tail) return 0;
  while (batch.ids[end - 1] == spec.unseen_tail) --end;
  return end == batch.offsets[text + 1] ? 0 : end - begin;
}

/// Gathers word rows, adds positions and types, normalizes and widens them into the states buffer.
void Encoder::Parts::embed(const Batch& batch, Workspace& w, StageClock& clock) const {
  clock.enter(Stage::lookup);
  const std::size_t width = spec.table_width();
  float* rows = embedding_projection ? w.embedded.data() : w.states.data();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    for (std::size_t t = batch.offsets[i]; t < batch.offsets[i + 1]; ++t) {
      table.gather(batch.ids[t], rows + t * width);
      const float* position = table.position_row(t - batch.offsets[i]);
      if (position != nullptr) add(rows + t * width, position, width);
    }
  }
  clock.enter(Stage::elementwise);
  if (spec.embedding_scale != 1.0F) scale(rows, spec.embedding_scale, batch.tokens() * width);
  if (!embedding_norm.empty()) embedding_norm.apply(rows, batch.tokens(), rows);
  if (!embedding_projection) return;
  clock.enter(Stage::gemm);
  embedding_projection->forward(rows, batch.tokens(), w.states.data(), w.gemm.data());
}

/// Norms queries and keys and rotates them by their positions, where the model does; `qkv` is that
/// of one text.
void Encoder::Parts::place_tokens(const Block& block, bool local, std::size_t length,
                                  float* qkv) const {
  const std::size_t query = spec.query_width();
  const std::size_t query_rows = spec.norms_whole_query ? 1 : spec.heads;
  const std::size_t key_rows = spec.norms_whole_query ? 1 : spec.key_heads();
  for (std::size_t t = 0; t < length; ++t) {
    float* row = qkv + t * spec.qkv_width();
    if (!block.query_norm.empty()) block.query_norm.apply(row, query_rows, row);
    if (!block.key_norm.empty()) block.key_norm.apply(row + query, key_rows, row + query);
    if (const float* angles = positions.angles(t, local)) {
      // Key heads lie right behind the query heads.
      rotate({row, spec.heads + spec.key_heads(), spec.head_dim(), positions.rotated(),
              spec.rotary.interleaved, angles});
    }
  }
}

/// Queries, keys and values of a group's tokens, then attention text by text into the context
/// buffer.
void Encoder::Parts::attend(const Batch& batch, const Group& group, std::size_t layer, Workspace& w,
                            StageClock& clock) const {
  const Block& block = block_of(layer);
  const std::size_t h = spec.hidden;
  const std::size_t width = spec.qkv_width();
  const std::size_t first_token = batch.offsets[group.first];
  const std::size_t tokens = batch.offsets[group.last] - first_token;
  const float* input = w.states.data() + first_token * h;
  if (spec.block_norms != BlockNorms::post && !block.attention_norm.empty()) {
    clock.enter(Stage::elementwise);
    block.attention_norm.apply(input, tokens, w.normed.data());
    input = w.normed.data();
  }
  clock.enter(Stage::gemm);
  block.qkv->forward(input, tokens, w.qkv.data(), w.gemm.data());
  const bool local = spec.is_local(layer);
  const bool placed = !block.query_norm.empty() || positions.angles(0, local) != nullptr;
  const float scale = spec.attention_scale != 0.0F
                          ? spec.attention_scale
                          : 1.0F / std::sqrt(static_cast<float>(spec.head_dim()));
  for (std::size_t i = group.first; i < group.last; ++i) {
    const std::size_t begin = batch.offsets[i] - first_token;
    const std::size_t length = batch.offsets[i + 1] - batch.offsets[i];
    if (length == 0) continue;
    float* qkv = w.qkv.data() + begin * width;
    if (placed) {
      clock.enter(Stage::elementwise);
      place_tokens(block, local, length, qkv);
    }
    if (clock.current() != Stage::attention) clock.enter(Stage::attention);
    const float* key = qkv + spec.query_width();
    const std::size_t span = local ? spec.local_span : kUnlimitedSpan;
    attention({qkv, key, key + spec.key_width(), width, length, spec.heads, spec.key_heads(),
               spec.head_dim(), scale, w.context.data() + begin * spec.query_width(),
               spec.query_width(), span, spec.causal ? 0 : span, seen_keys(batch, i),
               positions.bias(), positions.bias_stride()},
              w.attention.data());
  }
}

/// The end of a sub-layer: states = norm(states + sub), where sub may have been normed with the
/// states before; or states + post_norm(sub).
void Encoder::Parts::add_or_norm(const Norm& norm, const Norm& post_norm, std::size_t rows,
                                 float* sub, float* states) const {
  if (spec.block_norms == BlockNorms::post) {
    if (!post_norm.empty()) post_norm.apply_sum(sub, states, rows, sub);
    return norm.apply_sum(sub, states, rows, states);
  }
  if (!post_norm.empty()) post_norm.apply(sub, rows, sub);
  add(states, sub, rows * spec.hidden);
}

/// x through the FFN into the block buffer.
void Encoder::Parts::feed_forward(const Block& block, const float* x, std::size_t rows,
                                  Workspace& w, StageClock& clock) const {
  float* middle = w.intermediate.data();
  clock.enter(Stage::gemm);
  block.ffn_up->forward(x, rows, middle, w.gemm.data());
  if (spec.gated) {
    clock.enter(Stage::elementwise);
    gate({middle, rows, spec.ffn, spec.activation, spec.gate_second, middle});
    clock.enter(Stage::gemm);
  }
  block.ffn_down->forward(middle, rows, w.block.data(), w.gemm.data());
}

/// Everything of a block that treats tokens one by one, for the tokens [begin, end) of one group, a
/// chunk of rows at a time.
void Encoder::Parts::transform_rows(const Block& block, std::size_t begin, std::size_t end,
                                    Workspace& w, StageClock& clock) const {
  const std::size_t h = spec.hidden;
  float* sub = w.block.data();
  const std::size_t chunk = blocking.chunk_rows(end - begin);
  for (std::size_t first = begin; first < end; first += chunk) {
    const std::size_t rows = std::min(chunk, end - first);
    float* states = w.states.data() + first * h;
    clock.enter(Stage::gemm);
    block.attention_output->forward(w.context.data() + (first - begin) * spec.query_width(), rows,
                                    sub, w.gemm.data());
    clock.enter(Stage::elementwise);
    add_or_norm(block.attention_norm, block.attention_post_norm, rows, sub, states);
    const float* input = states;
    if (spec.block_norms != BlockNorms::post) {
      block.ffn_norm.apply(states, rows, w.normed.data());
      input = w.normed.data();
    }
    feed_forward(block, input, rows, w, clock);
    clock.enter(Stage::elementwise);
    add_or_norm(block.ffn_norm, block.ffn_post_norm, rows, sub, states);
  }
}

Encoder::Encoder(const ModelSpec& spec, const HeadSpec& head, const WeightSource& weights,
                 const GemmBackend& backend, Compute compute)
    : parts_(std::make_unique<Parts>(spec, head, weights, LinearFactory{backend, compute})) {}
Encoder::~Encoder() = default;
Encoder::Encoder(Encoder&&) noexcept = default;

std::size_t Encoder::dims() const {
  return kind() == RowKind::sparse ? vocab_size() : parts_->head.dims();
}
RowKind Encoder::kind() const {
  return parts_->kind();
}
std::size_t Encoder::most_entries() const {
  return parts_->sparse ? parts_->sparse->most_entries() : 0;
}
std::size_t Encoder::result_bytes(std::size_t texts, std::size_t tokens) const {
  if (!parts_->sparse) return parts_->head_vectors(texts, tokens) * dims() * sizeof(float);
  return texts * parts_->sparse->most_entries() * (sizeof(SparseEntry) + sizeof(SparsePending));
}
std::size_t Encoder::vector_count(std::span<const TokenId> ids) const {
  return parts_->head.vector_count(ids);
}
std::size_t Encoder::max_tokens() const {
  return parts_->spec.max_positions;
}
std::size_t Encoder::vocab_size() const {
  return parts_->table.vocab_size();
}

std::size_t Encoder::owned_bytes() const {
  std::size_t bytes = parts_->table.owned_bytes() + parts_->head.owned_bytes();
  bytes += parts_->positions.owned_bytes();
  if (parts_->sparse) bytes += parts_->sparse->owned_bytes();
  if (parts_->embedding_projection) bytes += parts_->embedding_projection->owned_bytes();
  for (const Block& b : parts_->blocks) bytes += b.owned_bytes();
  return bytes;
}

std::size_t Encoder::borrowed_bytes() const {
  std::size_t bytes = parts_->table.borrowed_bytes();
  for (const Block& b : parts_->blocks) bytes += b.borrowed_bytes();
  return bytes;
}

double Encoder::linear_flops_per_token() const {
  const ModelSpec& s = parts_->spec;
  const std::size_t block = s.hidden * (s.qkv_width() + s.query_width() + s.up_width() + s.ffn);
  const std::size_t projection = parts_->embedding_projection ? s.table_width() * s.hidden : 0;
  const double head = parts_->sparse ? parts_->sparse->flops_per_token() : 0.0;
  return 2.0 * static_cast<double>(s.layers * block + projection) + head;
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
  std::size_t rows = 0;
  for (Group g{0, 0}; g.last < batch.size();) {
    g = next_group(batch, g.last, parts_->blocking.group_tokens());
    rows += round_up(batch.offsets[g.last] - batch.offsets[g.first], parts_->blocking.row_block);
  }
  return rows;
}

std::size_t Encoder::workspace_bytes(std::size_t texts, std::size_t tokens,
                                     std::size_t longest) const {
  const ModelSpec& s = parts_->spec;
  const Blocking& blocking = parts_->blocking;
  const std::size_t rows = std::max<std::size_t>(tokens, 1) + blocking.row_block - 1;
  std::size_t bytes = parts_->averages_rows() ? 0 : rows * s.hidden * sizeof(float);
  bytes += parts_->head_bytes(texts, tokens);
  if (parts_->blocks.empty()) return bytes;
  const std::size_t group = blocking.group_room(tokens, longest);
  bytes += group * (s.qkv_width() + s.query_width()) * sizeof(float);
  if (s.block_norms != BlockNorms::post) bytes += parts_->normed_rows(group) * s.hidden * 4;
  if (parts_->embedding_projection) bytes += rows * s.table_width() * sizeof(float);
  bytes += blocking.max_chunk() * (s.hidden + s.up_width()) * sizeof(float);
  return bytes + parts_->gemm_scratch() + attention_scratch_bytes(longest, s.head_dim());
}

void Encoder::reserve(Workspace& w, std::size_t texts, std::size_t tokens,
                      std::size_t longest) const {
  parts_->reserve(w, texts, tokens, longest);
}

void Encoder::Parts::reserve(Workspace& w, std::size_t texts, std::size_t tokens,
                             std::size_t longest) const {
  const ModelSpec& s = spec;
  // A group's last row block may reach behind the last token.
  const std::size_t rows = std::max<std::size_t>(tokens, 1) + blocking.row_block - 1;
  if (!averages_rows()) w.states.reserve(rows * s.hidden);
  if (sparse) {
    sparse->reserve(w, texts, tokens);
  } else {
    head.reserve(w, head_vectors(texts, tokens));
  }
  if (blocks.empty()) return;
  const std::size_t group = blocking.group_room(tokens, longest);
  w.qkv.reserve(group * s.qkv_width());
  w.context.reserve(group * s.query_width());
  if (s.block_norms != BlockNorms::post) w.normed.reserve(normed_rows(group) * s.hidden);
  if (embedding_projection) w.embedded.reserve(rows * s.table_width());
  w.block.reserve(blocking.max_chunk() * s.hidden);
  w.intermediate.reserve(blocking.max_chunk() * s.up_width());
  w.gemm.reserve(gemm_scratch());
  w.attention.reserve(attention_scratch_bytes(longest, s.head_dim()));
}

/// Checks the batch and fills the states buffer.
void Encoder::Parts::compute_states(const Batch& batch, Workspace& w, StageClock& clock) const {
  check(batch);
  std::size_t longest = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    longest = std::max<std::size_t>(longest, batch.offsets[i + 1] - batch.offsets[i]);
  }
  reserve(w, batch.size(), batch.tokens(), longest);
  embed(batch, w, clock);
  for (std::size_t layer = 0; layer < spec.layers; ++layer) {
    for (Group g{0, 0}; g.last < batch.size();) {
      g = next_group(batch, g.last, blocking.group_tokens());
      attend(batch, g, layer, w, clock);
      transform_rows(block_of(layer), batch.offsets[g.first], batch.offsets[g.last], w, clock);
    }
  }
  if (final_norm.empty()) return;
  clock.enter(Stage::elementwise);
  final_norm.apply(w.states.data(), batch.tokens(), w.states.data());
}

/// Lays out the rows' vectors and returns where they go.
float* Encoder::Parts::make_room(const Batch& batch, RowBatch& out) const {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::size_t begin = batch.offsets[i];
    const auto ids = batch.ids.subspan(begin, batch.offsets[i + 1] - begin);
    out.offsets.push_back(out.offsets.back() + head.vector_count(ids));
  }
  return out.vectors.reserve(out.offsets.back() * head.dims());
}

/// Rows from the finished token states.
void Encoder::Parts::read_out(const Batch& batch, Workspace& w, StageClock& clock,
                              RowBatch& out) const {
  if (sparse) return sparse->run(batch, w.states.data(), w, clock, out);
  head.run(batch, w.states.data(), w, clock, make_room(batch, out));
}

void Encoder::Parts::average_rows(const Batch& batch, Workspace& w, StageClock& clock,
                                  RowBatch& out) const {
  check(batch);
  head.reserve(w, batch.size());
  clock.enter(Stage::lookup);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::size_t begin = batch.offsets[i];
    table.average(batch.ids.subspan(begin, batch.offsets[i + 1] - begin),
                  w.pooled.data() + i * spec.hidden);
  }
  head.run_pooled(batch.size(), w, clock, make_room(batch, out));
}

void Encoder::encode(const Batch& batch, Workspace& workspace, StageClock& clock,
                     RowBatch& out) const {
  out.weights.clear();
  out.offsets.assign(1, 0);
  if (batch.size() == 0) return;
  const Stage before = clock.current();
  if (parts_->averages_rows()) {
    parts_->average_rows(batch, workspace, clock, out);
  } else {
    parts_->compute_states(batch, workspace, clock);
    parts_->read_out(batch, workspace, clock, out);
  }
  clock.enter(before);
}

}  // namespace embedtool
