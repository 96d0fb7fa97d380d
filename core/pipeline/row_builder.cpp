#include "core/pipeline/row_builder.hpp"

#include "core/pipeline/chunk_records.hpp"
#include "core/pipeline/quantize.hpp"

namespace embedtool {

void RowBuilder::clear() {
  documents_.clear();
  rows_.clear();
  vectors_.clear();
}

void RowBuilder::add(const DocumentBlock& documents, const RowInfo& row, std::string_view id,
                     const float* vector) {
  put(documents, row, documents_.append(id), vector);
}

void RowBuilder::add_chunk(const DocumentBlock& documents, const RowInfo& row,
                           const ChunkPlace& place, const float* vector) {
  const std::string_view document = documents.string(place.document);
  ChunkPlace here = place;
  here.document = documents_.append(document);
  here.text = documents_.append(documents.string(place.text));
  documents_.chunks.push_back(here);
  put(documents, row, append_chunk_id(document, place.index, documents_), vector);
}

void RowBuilder::put(const DocumentBlock& documents, const RowInfo& row, Slice id,
                     const float* vector) {
  Record record = documents.records[row.record];
  record.id = id;
  record.payload = {};
  for (const Slice value : kept_of(documents, row.record)) {
    documents_.kept.push_back(value.is_null() ? value : documents_.append(documents.string(value)));
  }
  rows_.push_back(row);
  rows_.back().record = static_cast<std::uint32_t>(documents_.records.size());
  documents_.records.push_back(record);
  const std::size_t begin = vectors_.size();
  vectors_.resize(begin + vector_bytes(type_, dims_));
  quantize(vector, dims_, type_, int8_scale_, vectors_.data() + begin);
}

EmbeddingBlock RowBuilder::block(std::uint64_t end) {
  documents_.end = end;
  return {&documents_, rows_, vectors_, {}, {}, {}};
}

void RowStep::hand_on(std::uint64_t end) {
  row_count_ += done_.rows();
  if (done_.rows() > 0) out_.write(done_.block(end));
  done_.clear();
}

}  // namespace embedtool
