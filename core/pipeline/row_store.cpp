#include "core/pipeline/row_store.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/error.hpp"
#include "core/pipeline/quantize.hpp"

namespace embedtool {

void RowStore::begin(const OutputSpec& spec, std::size_t texts) {
  spec_ = &spec;
  vector_bytes_ = spec.vector_bytes();
  rows_.clear();
  text_of_.clear();
  first_row_.assign(texts, TextSet::kNone);
  offsets_.clear();
  weights_.clear();
  vector_count_ = 0;
  if (spec.ragged()) offsets_.push_back(0);
}

void RowStore::add(const RowInfo& info, std::uint32_t text, std::size_t vectors) {
  const auto row = static_cast<std::uint32_t>(rows_.size());
  rows_.push_back(info);
  text_of_.push_back(text);
  if (text != TextSet::kNone && first_row_[text] == TextSet::kNone) first_row_[text] = row;
  if (spec_->kind == RowKind::sparse) return;  // gather_weights() knows how long rows are
  vector_count_ += vectors;
  if (spec_->kind == RowKind::multi) offsets_.push_back(vector_count_);
}

void RowStore::lay_out(std::size_t batches) {
  if (spec_->kind != RowKind::sparse) {
    vectors_.reserve(vector_count_ * vector_bytes_ + 1);
    return;
  }
  if (batches_.size() < batches) batches_.resize(batches);
  place_of_.resize(first_row_.size());
}

RowBatch* RowStore::buffer_of(std::size_t batch) {
  return spec_->kind == RowKind::sparse ? &batches_[batch] : nullptr;
}

void RowStore::put(std::size_t batch, const RowBatch& rows, std::size_t i, std::uint32_t text) {
  if (spec_->kind == RowKind::sparse) {
    place_of_[text] = {static_cast<std::uint32_t>(batch), static_cast<std::uint32_t>(i)};
    return;
  }
  store(first_row_[text], rows.count_of(i), rows.vectors.data() + rows.offsets[i] * spec_->dims);
}

void RowStore::store(std::size_t row, std::size_t count, const float* values) {
  std::byte* out = vectors_of(row);
  for (std::size_t v = 0; v < count; ++v) {
    quantize(values + v * spec_->dims, spec_->dims, spec_->type, spec_->int8_scale,
             out + v * vector_bytes_);
  }
}

void RowStore::finish(const DocumentBlock& documents, const ReusedRows& reused) {
  if (spec_->kind == RowKind::sparse) {
    gather_weights(reused);
    return check(documents, reused);
  }
  take_reused(reused);
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    if (is_ready_vector(row)) {
      store(row, 1, documents.vector(documents.records[rows_[row].record]).data());
    } else if (is_copy(row)) {
      std::copy_n(vectors_of(first_row_[text_of_[row]]), count_of(row) * vector_bytes_,
                  vectors_of(row));
    }
  }
  check(documents, reused);
}

void RowStore::take_reused(const ReusedRows& reused) {
  for (std::uint32_t text = 0; text < reused.row_of.size(); ++text) {
    if (!reused.is_copied(text)) continue;
    const auto bytes = reused.vectors_of(*reused.find(text), vector_bytes_);
    std::copy(bytes.begin(), bytes.end(), vectors_of(first_row_[text]));
  }
}

std::span<const SparseEntry> RowStore::encoded_weights(std::uint32_t text) const {
  const Place place = place_of_[text];
  const RowBatch& batch = batches_[place.batch];
  return std::span(batch.weights).subspan(batch.offsets[place.row], batch.count_of(place.row));
}

/// Brings the weights into the order of the rows. Their positions are known only once every batch
/// has been encoded.
void RowStore::gather_weights(const ReusedRows& reused) {
  const auto weights_of = [&](std::uint32_t text) {
    return reused.is_copied(text) ? reused.weights_of(*reused.find(text)) : encoded_weights(text);
  };
  std::size_t total = 0;
  for (const std::uint32_t text : text_of_) {
    if (text == TextSet::kNone) {
      throw Error(ExitCode::usage, "a ready vector cannot be a row of token weights");
    }
    total += weights_of(text).size();
  }
  weights_.reserve(total);
  for (const std::uint32_t text : text_of_) {
    const auto weights = weights_of(text);
    weights_.insert(weights_.end(), weights.begin(), weights.end());
    offsets_.push_back(weights_.size());
  }
}

/// Compares what was found for texts with what encoding them again has given.
void RowStore::check(const DocumentBlock& documents, const ReusedRows& reused) {
  for (std::uint32_t text = 0; text < reused.row_of.size(); ++text) {
    const ReusedRows::Row* found = reused.find(text);
    if (found == nullptr || !found->check || first_row_[text] == TextSet::kNone) continue;
    const std::size_t row = first_row_[text];
    if (is_same(row, reused, *found)) continue;
    const Record& record = documents.records[rows_[row].record];
    throw Error(ExitCode::failed,
                "{}: its row for the text of record '{}' (text_hash {}) is not what the text gives "
                "now; check that output with `embedtool verify`, or run without --reuse",
                *found->output, documents.id(record), rows_[row].text_hash.hex());
  }
}

bool RowStore::is_same(std::size_t row, const ReusedRows& reused, const ReusedRows::Row& found) {
  if (rows_[row].n_tokens != found.n_tokens || rows_[row].truncated != found.truncated ||
      count_of(row) != found.count) {
    return false;
  }
  if (spec_->kind == RowKind::sparse) {
    return std::ranges::equal(std::span(weights_).subspan(first_of(row), found.count),
                              reused.weights_of(found));
  }
  return std::ranges::equal(std::span(vectors_of(row), found.count * vector_bytes_),
                            reused.vectors_of(found, vector_bytes_));
}

EmbeddingBlock RowStore::view(const DocumentBlock& documents) const {
  const std::size_t bytes = spec_->kind == RowKind::sparse ? 0 : vector_count_ * vector_bytes_;
  EmbeddingBlock block{&documents, rows_, {vectors_.data(), bytes}, weights_, offsets_, {}};
  if (spec_->tokens) block.tokens = *spec_->tokens;
  return block;
}

std::size_t RowStore::bytes() const {
  std::size_t bytes = vectors_.bytes() + capacity_bytes(rows_, text_of_, first_row_, offsets_,
                                                        weights_, batches_, place_of_);
  for (const RowBatch& batch : batches_) bytes += batch.bytes();
  return bytes;
}

}  // namespace embedtool
