#include "core/model/sparse_head.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/error.hpp"
#include "core/base/threads.hpp"
#include "core/math/kernels.hpp"

namespace embedtool {
namespace {

/// Tokens of the vocabulary and rows whose logits are made at a time: 64 × 1536 floats are 384 KiB,
/// which stay in L2 until they are pooled. A multiple of the native backend's panels.
constexpr std::size_t kBlockTokens = 1536;
constexpr std::size_t kChunkRows = 64;

/// Where the table's f32 rows can be used in place; null = they must be converted.
const float* rows_in_place(const TensorView& table, std::size_t first, std::size_t width) {
  const std::byte* at = table.bytes.data() + first * width * sizeof(float);
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  if (table.dtype != DType::f32 || address % alignof(float) != 0) return nullptr;
  return reinterpret_cast<const float*>(at);
}

bool heavier(const SparseEntry& a, const SparseEntry& b) {
  return a.weight != b.weight ? a.weight > b.weight : a.token < b.token;
}

/// Sorts a row by token and keeps each token's largest weight; where it ends then.
std::vector<SparseEntry>::iterator drop_repeats(std::vector<SparseEntry>::iterator begin,
                                                std::vector<SparseEntry>::iterator end) {
  std::sort(begin, end, [](const SparseEntry& a, const SparseEntry& b) {
    return a.token != b.token ? a.token < b.token : a.weight > b.weight;
  });
  return std::unique(begin, end,
                     [](const SparseEntry& a, const SparseEntry& b) { return a.token == b.token; });
}

}  // namespace

SparseHead::SparseHead(const SparseSpec& spec, std::size_t kept, const ModelSpec& model,
                       const WeightReader& reader, const LinearFactory& make)
    : spec_(spec),
      kept_(kept),
      hidden_(model.hidden),
      vocab_(model.vocab_size),
      row_block_(make.backend.row_block()) {
  for (const TokenId id : spec.skipped) {
    const auto index = static_cast<std::size_t>(id);
    if (index >= skipped_.size()) skipped_.resize(index + 1);
    skipped_[index] = true;
  }
  if (spec_.kind == SparseKind::vocabulary) {
    make_decoder(reader, model, make);
    return;
  }
  const WeightReader own(*spec_.linear.weights, {});
  const std::string& name = spec_.linear.name;
  token_weight_.resize(hidden_);
  own.matrix(name, 1, hidden_, token_weight_.data());
  const std::string bias = name.empty() ? "bias" : name + ".bias";
  if (own.find(bias) != nullptr) token_bias_ = own.vector(bias, 1).front();
}

void SparseHead::make_decoder(const WeightReader& reader, const ModelSpec& model,
                              const LinearFactory& make) {
  transform_ = reader.linear({{spec_.transform, spec_.inner}}, hidden_, spec_.activation, make);
  norm_ = Norm(model, reader, spec_.norm, spec_.inner);
  const TensorView& table = reader.require(spec_.decoder, {vocab_, spec_.inner});
  std::vector<float> bias;
  if (!spec_.decoder_bias.empty()) bias = reader.vector(spec_.decoder_bias, vocab_);
  for (std::size_t first = 0; first < vocab_; first += kBlockTokens) {
    decoder_.push_back({first, std::min(kBlockTokens, vocab_ - first), {}});
  }
  parallel_for(decoder_.size(), [&](std::size_t i) { make_block(decoder_[i], table, bias, make); });
}

void SparseHead::make_block(DecoderBlock& block, const TensorView& table,
                            std::span<const float> bias, const LinearFactory& make) const {
  const std::size_t width = spec_.inner;
  LinearParams params{.in = width, .out = block.tokens, .compute = make.compute};
  std::vector<float> rows;
  params.weight = rows_in_place(table, block.first, width);
  params.weight_outlives_layer = params.weight != nullptr;
  if (params.weight == nullptr) {
    rows.resize(block.tokens * width);
    widen(table.bytes.data() + block.first * stored_bytes(table.dtype, width), table.dtype,
          rows.size(), rows.data());
    params.weight = rows.data();
  }
  if (!bias.empty()) params.bias = bias.data() + block.first;
  block.layer = Linear(params, make);
}

std::size_t SparseHead::owned_bytes() const {
  std::size_t bytes = token_weight_.size() * sizeof(float) + transform_.owned_bytes();
  for (const DecoderBlock& block : decoder_) bytes += block.layer.owned_bytes();
  return bytes;
}

double SparseHead::flops(double tokens, double) const {
  double flops = 2.0 * static_cast<double>(token_weight_.size()) + transform_.flops();
  for (const DecoderBlock& block : decoder_) flops += block.layer.flops();
  return tokens * flops;
}

std::size_t SparseHead::chunk_rows() const {
  return round_up(kChunkRows, row_block_);
}

std::size_t SparseHead::columns() const {
  return std::min(kBlockTokens, vocab_);
}

/// The most weights that wait in Workspace::pending: of a text, those that are kept of the blocks
/// so far and all of one block more.
std::size_t SparseHead::most_pending(const BatchShape& shape) const {
  if (spec_.kind == SparseKind::own_token) return shape.tokens;
  return shape.texts * (kept_ == 0 ? vocab_ : std::min(vocab_, kept_ + columns()));
}

void SparseHead::lay_out(const BatchShape& shape, WorkspaceLayout& layout) const {
  layout.need(&Workspace::pending, most_pending(shape));
  if (spec_.kind == SparseKind::own_token) return;
  // A last chunk may reach behind the last token.
  const std::size_t rows = round_up(shape.tokens, row_block_) + chunk_rows();
  layout.need(&Workspace::pooled, rows * spec_.inner);
  layout.need(&Workspace::projected, shape.texts * columns());
  layout.need(&Workspace::residual, chunk_rows() * columns());
  transform_.lay_out(layout);
  for (const DecoderBlock& block : decoder_) block.layer.lay_out(layout);
}

RowLayout SparseHead::rows(const BatchShape& shape) const {
  return {.vectors = 0, .weights = most_pending(shape), .rows = shape.texts};
}

void SparseHead::run(const Batch& batch, ConstMatrix states, EncodeContext& context,
                     RowBatch& out) const {
  context.clock.charge_to(Stage::head);
  context.workspace.pending.clear();
  if (batch.tokens() > 0 && spec_.kind == SparseKind::vocabulary) {
    weigh_vocabulary(batch, states, context);
  } else {
    weigh_own_tokens(batch, states, context.workspace);
  }
  collect(batch.size(), context.workspace, out);
}

float SparseHead::weight_of(float logit) const {
  const float weight = std::log1p(logit);
  return spec_.log_twice ? std::log1p(weight) : weight;
}

void SparseHead::weigh_vocabulary(const Batch& batch, ConstMatrix states,
                                  EncodeContext& context) const {
  Workspace& w = context.workspace;
  const Matrix transformed(w.pooled.data(), batch.tokens(), spec_.inner);
  transform_.apply(states, transformed, context, Stage::head);
  norm_.apply(transformed, transformed);
  for (const DecoderBlock& block : decoder_) {
    const Matrix pooled(w.projected.data(), batch.size(), block.tokens);
    pool_block(block, batch, transformed, pooled, context);
    for (std::size_t text = 0; text < batch.size(); ++text) {
      const float* row = pooled.row_data(text);
      for (std::size_t c = 0; c < block.tokens; ++c) {
        if (!(row[c] > 0.0F)) continue;
        // The logarithm grows with its argument: that of the largest logit is the largest.
        const float weight = spec_.sums ? row[c] : weight_of(row[c]);
        w.pending.push_back(
            {static_cast<std::uint32_t>(text), {static_cast<TokenId>(block.first + c), weight}});
      }
    }
    if (kept_ != 0 && w.pending.size() > batch.size() * kept_) keep_heaviest(w.pending);
  }
}

/// What the tokens of each text give one block of the vocabulary: `transformed` [tokens, inner] →
/// `pooled` [texts, block's columns].
void SparseHead::pool_block(const DecoderBlock& block, const Batch& batch, ConstMatrix transformed,
                            Matrix pooled, EncodeContext& context) const {
  pooled.fill(spec_.sums ? 0.0F : -std::numeric_limits<float>::infinity());
  const std::size_t chunk = chunk_rows();
  std::size_t text = 0;
  for (std::size_t first = 0; first < batch.tokens(); first += chunk) {
    const std::size_t rows = std::min(chunk, batch.tokens() - first);
    const Matrix logits(context.workspace.residual.data(), rows, block.tokens);
    block.layer.apply(transformed.rows_from(first, rows), logits, context, Stage::head);
    for (std::size_t r = 0; r < rows; ++r) {
      while (batch.offsets[text + 1] <= first + r) ++text;
      pool_row(logits.row_data(r), block.tokens, pooled.row_data(text));
    }
  }
}

void SparseHead::pool_row(const float* logits, std::size_t n, float* pooled) const {
  if (!spec_.sums) return maximum(pooled, logits, n);
  for (std::size_t c = 0; c < n; ++c) {
    if (logits[c] > 0.0F) pooled[c] += weight_of(logits[c]);
  }
}

void SparseHead::weigh_own_tokens(const Batch& batch, ConstMatrix states, Workspace& w) const {
  for (std::size_t text = 0; text < batch.size(); ++text) {
    for (std::size_t t = batch.offsets[text]; t < batch.offsets[text + 1]; ++t) {
      const TokenId id = batch.ids[t];
      const auto index = static_cast<std::size_t>(id);
      if (index < skipped_.size() && skipped_[index]) continue;
      const float weight = dot(states.row_data(t), token_weight_.data(), hidden_) + token_bias_;
      if (weight > 0.0F) w.pending.push_back({static_cast<std::uint32_t>(text), {id, weight}});
    }
  }
}

/// Drops all but the heaviest weights of each text, so that what waits does not grow with the
/// vocabulary.
void SparseHead::keep_heaviest(std::vector<SparsePending>& pending) const {
  std::sort(pending.begin(), pending.end(), [](const SparsePending& a, const SparsePending& b) {
    return a.text != b.text ? a.text < b.text : heavier(a.entry, b.entry);
  });
  std::uint32_t text = 0;
  std::size_t kept = 0;
  std::size_t of_text = 0;  // how many entries of pending[i]'s text come before it
  for (std::size_t i = 0; i < pending.size(); ++i) {
    of_text = i > 0 && pending[i].text == text ? of_text + 1 : 0;
    text = pending[i].text;
    if (of_text < kept_) pending[kept++] = pending[i];
  }
  pending.resize(kept);
}

/// Deals the pending entries out to their rows, which are then sorted and cut.
void SparseHead::collect(std::size_t texts, Workspace& w, RowBatch& out) const {
  out.offsets.assign(texts + 1, 0);
  for (const SparsePending& p : w.pending) ++out.offsets[p.text + 1];
  for (std::size_t i = 0; i < texts; ++i) out.offsets[i + 1] += out.offsets[i];
  out.weights.resize(w.pending.size());
  // offsets[i] counts on from row i's beginning to its end, which is where the next one begins.
  for (const SparsePending& p : w.pending) out.weights[out.offsets[p.text]++] = p.entry;
  auto begin = out.weights.begin();
  auto kept = begin;
  for (std::size_t i = 0; i < texts; ++i) {
    const auto end = out.weights.begin() + static_cast<std::ptrdiff_t>(out.offsets[i]);
    auto last = end;
    if (spec_.kind == SparseKind::own_token) last = drop_repeats(begin, end);
    std::sort(begin, last, heavier);
    const auto count = static_cast<std::size_t>(last - begin);
    last = begin + static_cast<std::ptrdiff_t>(kept_ == 0 ? count : std::min(count, kept_));
    out.offsets[i] = static_cast<std::uint64_t>(kept - out.weights.begin());
    kept = kept == begin ? last : std::move(begin, last, kept);
    begin = end;
  }
  out.offsets[texts] = static_cast<std::uint64_t>(kept - out.weights.begin());
  out.weights.resize(out.offsets[texts]);
}

}  // namespace embedtool
