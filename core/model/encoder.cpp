#include "core/model/encoder.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/error.hpp"
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

/// One post-norm block: x = LN(x + attention(x)); x = LN(x + ffn(x)). The biases of the sub-layers'
/// last linear layers are added with the residual, in the norm's pass.
struct Block {
  std::unique_ptr<LinearLayer> qkv;
  std::unique_ptr<LinearLayer> attention_output;
  std::vector<float> attention_bias;
  Norm attention_norm;
  std::unique_ptr<LinearLayer> ffn_up;
  std::unique_ptr<LinearLayer> ffn_down;
  std::vector<float> ffn_bias;
  Norm ffn_norm;

  Block(const ModelSpec& spec, std::size_t layer, const WeightReader& reader,
        const GemmBackend& backend);

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
             const GemmBackend& backend) {
  const std::size_t h = spec.hidden;
  const auto name = [layer](const std::string& pattern) { return layer_name(pattern, layer); };
  const TensorNames& n = spec.names;
  qkv = reader.linear({name(n.query), name(n.key), name(n.value)}, h, 3 * h, Activation::identity,
                      backend);
  attention_output = reader.linear_without_bias(name(n.attention_output), h, h, backend);
  attention_bias = reader.bias(name(n.attention_output), h);
  attention_norm = Norm(reader, name(n.attention_norm), h);
  ffn_up = reader.linear({name(n.ffn_up)}, h, spec.ffn, spec.activation, backend);
  ffn_down = reader.linear_without_bias(name(n.ffn_down), spec.ffn, h, backend);
  ffn_bias = reader.bias(name(n.ffn_down), h);
  ffn_norm = Norm(reader, name(n.ffn_norm), h);
}

const float* data_or_null(const std::vector<float>& v) {
  return v.empty() ? nullptr : v.data();
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
  std::size_t row_block;

  Parts(const ModelSpec& model, const HeadSpec& head_spec, const WeightSource& weights,
        const GemmBackend& backend)
      : spec(model),
        table(model, weights),
        head(head_spec, model.hidden, backend),
        row_block(backend.row_block()) {
    const WeightReader reader(weights, spec.prefixes);
    if (!spec.names.embedding_norm.empty()) {
      embedding_norm = Norm(reader, spec.names.embedding_norm, spec.hidden);
    }
    blocks.reserve(spec.layers);
    for (std::size_t i = 0; i < spec.layers; ++i) blocks.emplace_back(spec, i, reader, backend);
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
  void attend(const Batch& batch, const Block& block, Workspace& w, StageClock& clock) const;
  void transform_rows(const Block& block, std::size_t tokens, Workspace& w,
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
  layer_norm({states, nullptr, nullptr, embedding_norm.scale.data(), embedding_norm.shift.data(),
              spec.norm_eps, batch.tokens(), h, states});
}

/// Queries, keys and values of all tokens, then attention text by text into the context buffer.
void Encoder::Parts::attend(const Batch& batch, const Block& block, Workspace& w,
                            StageClock& clock) const {
  const std::size_t h = spec.hidden;
  clock.enter(Stage::gemm);
  block.qkv->forward(w.states.data(), batch.tokens(), w.qkv.data(), w.gemm.data());
  clock.enter(Stage::attention);
  const float scale = 1.0F / std::sqrt(static_cast<float>(spec.head_dim()));
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::size_t begin = batch.offsets[i];
    const std::size_t length = batch.offsets[i + 1] - begin;
    if (length == 0) continue;
    const float* qkv = w.qkv.data() + begin * 3 * h;
    attention({qkv, qkv + h, qkv + 2 * h, 3 * h, length, spec.heads, spec.head_dim(), scale,
               w.context.data() + begin * h, h},
              w.attention.data());
  }
}

/// Everything of a block that treats tokens one by one, a block of rows at a time, so that the
/// FFN's intermediate stays in cache.
void Encoder::Parts::transform_rows(const Block& block, std::size_t tokens, Workspace& w,
                                    StageClock& clock) const {
  const std::size_t h = spec.hidden;
  float* sub = w.block.data();
  for (std::size_t first = 0; first < tokens; first += row_block) {
    const std::size_t rows = std::min(row_block, tokens - first);
    float* states = w.states.data() + first * h;
    clock.enter(Stage::gemm);
    block.attention_output->forward(w.context.data() + first * h, rows, sub, w.gemm.data());
    clock.enter(Stage::elementwise);
    layer_norm({sub, data_or_null(block.attention_bias), states, block.attention_norm.scale.data(),
                block.attention_norm.shift.data(), spec.norm_eps, rows, h, states});
    clock.enter(Stage::gemm);
    block.ffn_up->forward(states, rows, w.intermediate.data(), w.gemm.data());
    block.ffn_down->forward(w.intermediate.data(), rows, sub, w.gemm.data());
    clock.enter(Stage::elementwise);
    layer_norm({sub, data_or_null(block.ffn_bias), states, block.ffn_norm.scale.data(),
                block.ffn_norm.shift.data(), spec.norm_eps, rows, h, states});
  }
}

Encoder::Encoder(const ModelSpec& spec, const HeadSpec& head, const WeightSource& weights,
                 const GemmBackend& backend)
    : parts_(std::make_unique<Parts>(spec, head, weights, backend)) {}
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

std::size_t Encoder::computed_rows(std::size_t tokens) const {
  return parts_->blocks.empty() ? tokens : round_up(tokens, parts_->row_block);
}

std::size_t Encoder::workspace_bytes(std::size_t texts, std::size_t tokens,
                                     std::size_t longest) const {
  const ModelSpec& s = parts_->spec;
  const std::size_t rows = round_up(std::max<std::size_t>(tokens, 1), parts_->row_block);
  std::size_t bytes = rows * s.hidden * sizeof(float);
  bytes += parts_->head.workspace_bytes(parts_->head_vectors(texts, tokens));
  if (parts_->blocks.empty()) return bytes;
  bytes += rows * 4 * s.hidden * sizeof(float);
  bytes += parts_->row_block * (s.hidden + s.ffn) * sizeof(float);
  return bytes + parts_->gemm_scratch() + attention_scratch_bytes(longest, s.head_dim());
}

void Encoder::reserve(Workspace& w, std::size_t texts, std::size_t tokens,
                      std::size_t longest) const {
  const ModelSpec& s = parts_->spec;
  const std::size_t rows = round_up(std::max<std::size_t>(tokens, 1), parts_->row_block);
  w.states.reserve(rows * s.hidden);
  parts_->head.reserve(w, parts_->head_vectors(texts, tokens));
  if (parts_->blocks.empty()) return;
  w.qkv.reserve(rows * 3 * s.hidden);
  w.context.reserve(rows * s.hidden);
  w.block.reserve(parts_->row_block * s.hidden);
  w.intermediate.reserve(parts_->row_block * s.ffn);
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
    parts_->attend(batch, block, workspace, clock);
    parts_->transform_rows(block, batch.tokens(), workspace, clock);
  }
  parts_->head.run(batch, workspace.states.data(), workspace, clock, out);
  clock.enter(before);
}

}  // namespace embedtool
