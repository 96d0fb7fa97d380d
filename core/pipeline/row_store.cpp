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

void RowStore::finish(const DocumentBlock& documents) {
  if (spec_->kind == RowKind::sparse) return gather_weights();
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    if (is_ready_vector(row)) {
      store(row, 1, documents.vector(documents.records[rows_[row].record]).data());
    } else if (is_copy(row)) {
      const std::size_t count = offsets_.empty() ? 1 : offsets_[row + 1] - offsets_[row];
      std::copy_n(vectors_of(first_row_[text_of_[row]]), count * vector_bytes_, vectors_of(row));
    }
  }
}

/// Brings the weights into the order of the rows. Their positions are known only once every batch
/// has been encoded.
void RowStore::gather_weights() {
  std::size_t total = 0;
  for (const std::uint32_t text : text_of_) {
    if (text == TextSet::kNone) {
      throw Error(ExitCode::usage, "a ready vector cannot be a row of token weights");
    }
    total += batches_[place_of_[text].batch].count_of(place_of_[text].row);
  }
  weights_.reserve(total);
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    const Place place = place_of_[text_of_[row]];
    const RowBatch& batch = batches_[place.batch];
    const auto first =
        batch.weights.begin() + static_cast<std::ptrdiff_t>(batch.offsets[place.row]);
    weights_.insert(weights_.end(), first,
                    first + static_cast<std::ptrdiff_t>(batch.count_of(place.row)));
    offsets_.push_back(weights_.size());
  }
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
