#include "core/model/encoder.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/threads.hpp"
#include "core/math/attention.hpp"
#include "core/math/kernels.hpp"
#include "core/model/embedding_table.hpp"
#include "core/model/head.hpp"
#include "core/model/weights.hpp"

namespace embedtool {
namespace {

struct Norm {
  std::vector<float> scale;
  std::vector<float> shift;

  Norm() = default;
  Norm(const WeightReader& reader, const std::string& prefix, std::size_t size)
      : scale(reader.norm_scale(prefix, size)), shift(reader.norm_shift(prefix, size)) {}
};

/// One post-norm block: x = LN(x + attention(x)); x = LN(x + ffn(x)).
struct Block {
  std::unique_ptr<LinearLayer> qkv;
  std::unique_ptr<LinearLayer> attention_output;
  Norm attention_norm;
  std::unique_ptr<LinearLayer> ffn_up;
  std::unique_ptr<LinearLayer> ffn_down;
  Norm ffn_norm;

  Block() = default;
  Block(const ModelSpec& spec, std::size_t layer, const WeightReader& reader,
        const LinearFactory& make);

  std::size_t scratch_bytes() const {
    return std::max({qkv->scratch_bytes(), attention_output->scratch_bytes(),
                     ffn_up->scratch_bytes(), ffn_down->scratch_bytes()});
  }
  std::size_t owned_bytes() const {
    return qkv->owned_bytes() + attention_output->owned_bytes() + ffn_up->owned_bytes() +
           ffn_down->owned_bytes();
  }
};

Block::Block(const ModelSpec& spec, std::size_t layer, const WeightReader& reader,
             const LinearFactory& make) {
  const std::size_t h = spec.hidden;
  const auto name = [layer](const std::string& pattern) { return layer_name(pattern, layer); };
  const TensorNames& n = spec.names;
  qkv = reader.linear({name(n.query), name(n.key), name(n.value)}, h, 3 * h, Activation::identity,
                      make);
  attention_output = reader.linear({name(n.attention_output)}, h, h, Activation::identity, make);
  attention_norm = Norm(reader, name(n.attention_norm), h);
  ffn_up = reader.linear({name(n.ffn_up)}, h, spec.ffn, spec.activation, make);
  ffn_down = reader.linear({name(n.ffn_down)}, spec.ffn, h, Activation::identity, make);
  ffn_norm = Norm(reader, name(n.ffn_norm), h);
}

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

std::size_t Workspace::bytes() const {
  return states.bytes() + qkv.bytes() + context.bytes() + block.bytes() + intermediate.bytes() +
         pooled.bytes() + projected.bytes() + residual.bytes() + gemm.bytes() + attention.bytes();
}

struct Encoder::Parts {
  ModelSpec spec;
  EmbeddingTable table;
  Norm embedding_norm;
  std::vector<Block> blocks;
  Head head;
  Blocking blocking;

  Parts(const ModelSpec& model, const HeadSpec& head_spec, const WeightSource& weights,
        const LinearFactory& make)
      : spec(model),
        table(model, weights),
        head(head_spec, model.hidden, {make.backend, Compute::f32}),
        blocking{make.backend.row_block()} {
    const WeightReader reader(weights, spec.prefixes);
    if (!spec.names.embedding_norm.empty()) {
      embedding_norm = Norm(reader, spec.names.embedding_norm, spec.hidden);
    }
    blocks.resize(spec.layers);  // packing weights takes most of a model's loading
    parallel_for(spec.layers, [&](std::size_t i) { blocks[i] = Block(spec, i, reader, make); });
  }

  std::size_t head_vectors(std::size_t texts, std::size_t tokens) const {
    return head.multi_vector() ? tokens : texts;
  }
  std::size_t gemm_scratch() const {
    std::size_t bytes = 0;
    for (const Block& b : blocks) bytes = std::max(bytes, b.scratch_bytes());
    return bytes;
  }

  void check(const Batch& batch) const;
  void embed(const Batch& batch, Workspace& w, StageClock& clock) const;
  void attend(const Batch& batch, const Group& group, const Block& block, Workspace& w,
              StageClock& clock) const;
  void transform_rows(const Block& block, std::size_t begin, std::size_t end, Workspace& w,
                      StageClock& clock) const;
};

void Encoder::Parts::check(const Batch& batch) const {
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

/// Gathers word rows into the states buffer, adds positions and types, normalizes.
void Encoder::Parts::embed(const Batch& batch, Workspace& w, StageClock& clock) const {
  clock.enter(Stage::lookup);
  const std::size_t h = spec.hidden;
  float* states = w.states.data();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    for (std::size_t t = batch.offsets[i]; t < batch.offsets[i + 1]; ++t) {
      table.gather(batch.ids[t], states + t * h);
      const float* position = table.position_row(t - batch.offsets[i]);
      if (position != nullptr) add(states + t * h, position, h);
    }
  }
  if (embedding_norm.scale.empty()) return;
  clock.enter(Stage::elementwise);
  layer_norm({states, nullptr, embedding_norm.scale.data(), embedding_norm.shift.data(),
              spec.norm_eps, batch.tokens(), h, states});
}

/// Queries, keys and values of a group's tokens, then attention text by text into the context
/// buffer.
void Encoder::Parts::attend(const Batch& batch, const Group& group, const Block& block,
                            Workspace& w, StageClock& clock) const {
  const std::size_t h = spec.hidden;
  const std::size_t first_token = batch.offsets[group.first];
  const std::size_t tokens = batch.offsets[group.last] - first_token;
  clock.enter(Stage::gemm);
  block.qkv->forward(w.states.data() + first_token * h, tokens, w.qkv.data(), w.gemm.data());
  clock.enter(Stage::attention);
  const float scale = 1.0F / std::sqrt(static_cast<float>(spec.head_dim()));
  for (std::size_t i = group.first; i < group.last; ++i) {
    const std::size_t begin = batch.offsets[i] - first_token;
    const std::size_t length = batch.offsets[i + 1] - batch.offsets[i];
    if (length == 0) continue;
    const float* qkv = w.qkv.data() + begin * 3 * h;
    attention({qkv, qkv + h, qkv + 2 * h, 3 * h, length, spec.heads, spec.heads, spec.head_dim(),
               scale, w.context.data() + begin * h, h},
              w.attention.data());
  }
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
    block.attention_output->forward(w.context.data() + (first - begin) * h, rows, sub,
                                    w.gemm.data());
    clock.enter(Stage::elementwise);
    layer_norm({sub, states, block.attention_norm.scale.data(), block.attention_norm.shift.data(),
                spec.norm_eps, rows, h, states});
    clock.enter(Stage::gemm);
    block.ffn_up->forward(states, rows, w.intermediate.data(), w.gemm.data());
    block.ffn_down->forward(w.intermediate.data(), rows, sub, w.gemm.data());
    clock.enter(Stage::elementwise);
    layer_norm({sub, states, block.ffn_norm.scale.data(), block.ffn_norm.shift.data(),
                spec.norm_eps, rows, h, states});
  }
}

Encoder::Encoder(const ModelSpec& spec, const HeadSpec& head, const WeightSource& weights,
                 const GemmBackend& backend, Compute compute)
    : parts_(std::make_unique<Parts>(spec, head, weights, LinearFactory{backend, compute})) {}
Encoder::~Encoder() = default;
Encoder::Encoder(Encoder&&) noexcept = default;

std::size_t Encoder::dims() const {
  return parts_->head.dims();
}
bool Encoder::multi_vector() const {
  return parts_->head.multi_vector();
}
std::size_t Encoder::max_tokens() const {
  return parts_->spec.max_positions;
}
std::size_t Encoder::vocab_size() const {
  return parts_->table.vocab_size();
}

std::size_t Encoder::owned_bytes() const {
  std::size_t bytes = parts_->table.owned_bytes() + parts_->head.owned_bytes();
  for (const Block& b : parts_->blocks) bytes += b.owned_bytes();
  return bytes;
}

double Encoder::linear_flops_per_token() const {
  const auto h = static_cast<double>(parts_->spec.hidden);
  const auto f = static_cast<double>(parts_->spec.ffn);
  const auto layers = static_cast<double>(parts_->spec.layers);
  return layers * 2.0 * (3 * h * h + h * h + 2 * h * f);
}

double Encoder::attention_flops(std::size_t tokens) const {
  const auto n = static_cast<double>(tokens);
  const auto h = static_cast<double>(parts_->spec.hidden);
  return static_cast<double>(parts_->spec.layers) * 4.0 * n * n * h;  // QKᵀ and PV
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
  std::size_t bytes = rows * s.hidden * sizeof(float);
  bytes += parts_->head.workspace_bytes(parts_->head_vectors(texts, tokens));
  if (parts_->blocks.empty()) return bytes;
  bytes += blocking.group_room(tokens, longest) * 4 * s.hidden * sizeof(float);
  bytes += blocking.max_chunk() * (s.hidden + s.ffn) * sizeof(float);
  return bytes + parts_->gemm_scratch() + attention_scratch_bytes(longest, s.head_dim());
}

void Encoder::reserve(Workspace& w, std::size_t texts, std::size_t tokens,
                      std::size_t longest) const {
  const ModelSpec& s = parts_->spec;
  const Blocking& blocking = parts_->blocking;
  // A group's last row block may reach behind the last token.
  const std::size_t rows = std::max<std::size_t>(tokens, 1) + blocking.row_block - 1;
  w.states.reserve(rows * s.hidden);
  parts_->head.reserve(w, parts_->head_vectors(texts, tokens));
  if (parts_->blocks.empty()) return;
  const std::size_t group = blocking.group_room(tokens, longest);
  w.qkv.reserve(group * 3 * s.hidden);
  w.context.reserve(group * s.hidden);
  w.block.reserve(blocking.max_chunk() * s.hidden);
  w.intermediate.reserve(blocking.max_chunk() * s.ffn);
  w.gemm.reserve(parts_->gemm_scratch());
  w.attention.reserve(attention_scratch_bytes(longest, s.head_dim()));
}

void Encoder::encode(const Batch& batch, Workspace& workspace, StageClock& clock,
                     float* out) const {
  if (batch.size() == 0) return;
  const Stage before = clock.current();
  parts_->check(batch);
  std::size_t longest = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    longest = std::max<std::size_t>(longest, batch.offsets[i + 1] - batch.offsets[i]);
  }
  reserve(workspace, batch.size(), batch.tokens(), longest);
  parts_->embed(batch, workspace, clock);
  for (const Block& block : parts_->blocks) {
    for (Group g{0, 0}; g.last < batch.size();) {
      g = next_group(batch, g.last, parts_->blocking.group_tokens());
      parts_->attend(batch, g, block, workspace, clock);
      parts_->transform_rows(block, batch.offsets[g.first], batch.offsets[g.last], workspace,
                             clock);
    }
  }
  parts_->head.run(batch, workspace.states.data(), workspace, clock, out);
  clock.enter(before);
}

}  // namespace embedtool
