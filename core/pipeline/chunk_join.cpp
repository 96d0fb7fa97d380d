#include "core/pipeline/chunk_join.hpp"

#include <algorithm>
#include <cmath>

#include "core/base/check.hpp"
#include "core/math/kernels.hpp"

namespace embedtool {

ChunkJoiner::ChunkJoiner(EmbeddingSink& out, const OutputSpec& rows, const ChunkOptions& options)
    : RowStep(out, rows), options_(options), dims_(rows.dims) {
  EMBEDTOOL_CHECK(rows.kind == RowKind::dense && options.join != ChunkJoin::none);
}

OutputSpec ChunkJoiner::chunk_rows(OutputSpec rows) {
  rows.type = OutputType::f32;
  rows.int8_scale = 0;
  rows.chunked = true;
  return rows;
}

void ChunkJoiner::write(const EmbeddingBlock& block) {
  const DocumentBlock& documents = *block.documents;
  joined_.resize(dims_);
  for (std::size_t i = 0; i < block.rows.size(); ++i) {
    const RowInfo& row = block.rows[i];
    const ChunkPlace& place = documents.chunks[row.record];
    if (place.index == 0) begin();
    const auto bytes = block.vectors_of(i, dims_ * sizeof(float));
    std::copy(bytes.begin(), bytes.end(),
              std::as_writable_bytes(std::span<float>(joined_)).begin());
    add(joined_.data(), row);
    if (place.index + 1 == place.count) end(documents, row, place);
  }
  hand_on(documents.end);
}

void ChunkJoiner::begin() {
  sums_.assign(dims_, 0.0);
  hashes_.clear();
  tokens_ = 0;
}

void ChunkJoiner::add(const float* vector, const RowInfo& row) {
  const bool first = hashes_.empty();
  for (std::size_t d = 0; d < dims_; ++d) {
    const double value = vector[d];
    if (options_.join == ChunkJoin::mean) {
      sums_[d] += value * row.n_tokens;
    } else {
      sums_[d] = first ? value : std::max(sums_[d], value);
    }
  }
  hashes_.push_back(row.text_hash);
  tokens_ += row.n_tokens;
}

/// The document's last chunk has been added; joined_ still has its vector.
void ChunkJoiner::end(const DocumentBlock& documents, const RowInfo& last,
                      const ChunkPlace& place) {
  RowInfo row = last;
  if (hashes_.size() > 1) {
    constexpr double kLeastNorm = 1e-12;
    double scale = options_.join == ChunkJoin::mean ? 1.0 / static_cast<double>(tokens_) : 1.0;
    if (options_.normalize) {
      double squares = 0;
      for (const double sum : sums_) squares += sum * sum;
      scale = 1.0 / std::max(std::sqrt(squares), kLeastNorm);
    }
    for (std::size_t d = 0; d < dims_; ++d) joined_[d] = static_cast<float>(sums_[d] * scale);
    row.n_tokens = static_cast<std::uint32_t>(tokens_);
    row.text_hash = hash128(hashes_.data(), hashes_.size() * sizeof(Hash128));
  }
  done_.add(documents, row, documents.string(place.document), joined_.data());
}

}  // namespace embedtool
