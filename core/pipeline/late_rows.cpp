#include "core/pipeline/late_rows.hpp"

#include <algorithm>

#include "core/base/check.hpp"
#include "core/base/profile.hpp"
#include "core/math/kernels.hpp"

namespace embedtool {
namespace {

/// Chunks that pass through the model's head together.
constexpr std::size_t kTogether = 64;

}  // namespace

LateRows::LateRows(EmbeddingSink& out, const OutputSpec& rows, const Encoder& encoder)
    : RowStep(out, rows),
      encoder_(encoder),
      hidden_(encoder.hidden()),
      dims_(rows.dims),
      sum_(hidden_),
      piece_(hidden_) {
  EMBEDTOOL_CHECK(rows.kind == RowKind::dense && encoder.averages());
}

OutputSpec LateRows::window_rows(OutputSpec rows, const Encoder& encoder) {
  rows.kind = RowKind::multi;
  rows.dims = encoder.hidden();
  rows.type = OutputType::f32;
  rows.int8_scale = 0;
  return rows;
}

void LateRows::write(const EmbeddingBlock& block) {
  const DocumentBlock& documents = *block.documents;
  const std::size_t bytes = hidden_ * sizeof(float);
  for (std::size_t i = 0; i < block.rows.size(); ++i) {
    const RowInfo& row = block.rows[i];
    auto sums = block.vectors_of(i, bytes);
    for (const ChunkPiece& piece : documents.pieces_in(row.record)) {
      add(piece, row, sums.first(bytes));
      sums = sums.subspan(bytes);
    }
    if (chunks_.size() >= kTogether) finish_chunks(documents);
  }
  finish_chunks(documents);
  hand_on(documents.end);
}

void LateRows::add(const ChunkPiece& piece, const RowInfo& row, std::span<const std::byte> sum) {
  float* to = begun_ ? piece_.data() : sum_.data();
  std::copy(sum.begin(), sum.end(), std::as_writable_bytes(std::span(to, hidden_)).begin());
  if (begun_) embedtool::add(sum_.data(), piece_.data(), hidden_);
  begun_ = true;
  tokens_ += std::min(piece.tokens.end, row.n_tokens) - piece.tokens.begin;
  if (!piece.ends_chunk) return;
  // As pool() averages a whole text.
  if (tokens_ > 0) scale(sum_.data(), 1.0F / static_cast<float>(tokens_), hidden_);
  Chunk chunk{row, piece.chunk};
  chunk.row.n_tokens = tokens_;
  if (!piece.is_all()) chunk.row.text_hash = piece.text_hash;
  chunks_.push_back(chunk);
  averages_.insert(averages_.end(), sum_.begin(), sum_.end());
  tokens_ = 0;
  begun_ = false;
}

void LateRows::finish_chunks(const DocumentBlock& documents) {
  if (chunks_.empty()) return;
  StageClock clock;
  encoder_.finish({averages_.data(), chunks_.size(), hidden_}, workspace_, clock, finished_);
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    const Chunk& chunk = chunks_[i];
    done_.add_chunk(documents, chunk.row, documents.chunks[chunk.place],
                    finished_.vectors.data() + i * dims_);
  }
  chunks_.clear();
  averages_.clear();
}

}  // namespace embedtool
