// A file: "PAR1", then row groups one after the other, each its columns' chunks in schema order,
// then the Bloom filters, column indexes and offset indexes of all chunks, then the footer
// (FileMetaData in Thrift), its length in 4 bytes, and "PAR1" again. Nothing that is written
// depends on time, machine or the cut of append(): same rows, same bytes.
#include "formats/parquet/parquet_writer.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "formats/io/field_value.hpp"
#include "formats/parquet/parquet_footer.hpp"

namespace embedtool {
namespace {

/// Of the form that parquet-mr's VersionParser takes apart. The version is in the metadata.
std::string created_by(const OutputSpec& spec) {
  const auto version = std::find_if(spec.metadata.begin(), spec.metadata.end(),
                                    [](const auto& entry) { return entry.first == "embedtool"; });
  return fmt::format("embedtool version {} (build {})",
                     version == spec.metadata.end() ? "0" : version->second,
                     parquet::kFormatVersion);
}

void add_field(std::string_view text, FieldType type, parquet::ChunkWriter& column) {
  switch (type) {
    case FieldType::string:
      return column.add_bytes(text);
    case FieldType::int64:
      return column.add_int64(int64_of(text));
    case FieldType::float64:
      return column.add_float64(float64_of(text));
    case FieldType::boolean:
      return column.add_boolean(boolean_of(text));
  }
}

}  // namespace

ParquetWriter::ParquetWriter(const OutputSpec& spec, const ParquetOptions& options)
    : spec_(spec), row_group_bytes_(options.row_group_bytes), press_(options.zstd_level) {
  form_ = {options.encoding, options.vectors, false, options.indexed};
  layout_ = parquet::layout_of(spec, form_);
  for (const parquet::ColumnLayout& column : layout_.columns) columns_.emplace_back(column);
  meta_.schema = layout_.schema;
  meta_.key_values = parquet::key_values_of(spec, form_);
  meta_.created_by = created_by(spec);
}

void ParquetWriter::begin(ByteSink& out) {
  // The last file may have been given up half way.
  press_.wait();
  out_ = &out;
  offset_ = 0;
  group_rows_ = 0;
  group_values_ = 0;
  file_values_ = 0;
  meta_.rows = 0;
  meta_.row_groups.clear();
  indexes_.clear();
  for (parquet::ChunkWriter& column : columns_) column.clear();
  put(std::as_bytes(std::span(parquet::kMagic)));
}

void ParquetWriter::put(std::span<const std::byte> bytes) {
  out_->write(bytes);
  offset_ += bytes.size();
}

void ParquetWriter::append(const EmbeddingBlock& block, std::size_t first, std::size_t last) {
  for (std::size_t row = first; row < last; ++row) {
    add_row(block, row);
    // Pages and row groups may end after any row, and are asked after every row: never after a
    // block, whose size is a setting.
    group_values_ = 0;
    for (parquet::ChunkWriter& column : columns_) {
      column.end_row(press_);
      group_values_ += column.raw_bytes();
    }
    ++group_rows_;
    const bool full = group_values_ >= row_group_bytes_;
    if (full || group_rows_ >= parquet::kRowGroupRows) flush_group();
  }
}

void ParquetWriter::add_row(const EmbeddingBlock& block, std::size_t row) {
  const DocumentBlock& documents = *block.documents;
  const RowInfo& info = block.rows[row];
  column(parquet::kId).add_bytes(documents.id(documents.records[info.record]));
  if (spec_.kind == RowKind::sparse) {
    add_weights(block, row);
  } else {
    add_embedding(block, row);
  }
  column(parquet::kTokens).add_int32(static_cast<std::int32_t>(info.n_tokens));
  column(parquet::kTruncated).add_boolean(info.truncated);
  const auto hash = info.text_hash.bytes();
  column(parquet::kTextHash).add_fixed(std::as_bytes(std::span(hash)));
  if (spec_.chunked) add_chunk(documents, info.record);
  add_kept(documents, info.record);
}

void ParquetWriter::add_chunk(const DocumentBlock& documents, std::size_t record) {
  const ChunkPlace& place = documents.chunks[record];
  std::size_t next = parquet::kFirstChunk;
  column(next++).add_bytes(documents.string(place.document));
  for (const ChunkNumber& number : kChunkNumbers) {
    column(next++).add_int32(static_cast<std::int32_t>(place.*number.value));
  }
  if (spec_.chunk_text) column(next).add_bytes(documents.string(place.text));
}

void ParquetWriter::add_embedding(const EmbeddingBlock& block, std::size_t row) {
  column(parquet::kEmbedding)
      .add_vectors(block.vectors_of(row, spec_.vector_bytes()), block.count_of(row), spec_.dims,
                   spec_.kind == RowKind::dense);
}

void ParquetWriter::add_weights(const EmbeddingBlock& block, std::size_t row) {
  names_.clear();
  weights_.clear();
  indices_.clear();
  for (const SparseEntry& entry : block.weights_of(row)) {
    names_.push_back(block.tokens[static_cast<std::size_t>(entry.token)]);
    weights_.push_back(entry.weight);
    indices_.push_back(entry.token);
  }
  columns_[parquet::kEmbedding].add_strings(names_);
  columns_[parquet::kWeights].add_vectors(std::as_bytes(std::span(weights_)), weights_.size(), 1,
                                          false);
  if (!form_.indexed) return;
  columns_[parquet::kIndices].add_vectors(std::as_bytes(std::span(indices_)), indices_.size(), 1,
                                          false);
}

void ParquetWriter::add_kept(const DocumentBlock& documents, std::size_t record) {
  const std::size_t fields = spec_.kept_fields.size();
  for (std::size_t i = 0; i < fields; ++i) {
    const Slice value = documents.kept[record * fields + i];
    parquet::ChunkWriter& kept = column(parquet::first_kept(spec_) + i);
    if (value.is_null()) {
      kept.add_null();
    } else {
      add_field(documents.string(value), spec_.kept_fields[i].type, kept);
    }
  }
}

// The chunks of a row group must lie back to back, so that they wait in memory, compressed, until
// the group is full.
void ParquetWriter::flush_group() {
  if (group_rows_ == 0) return;
  for (parquet::ChunkWriter& column : columns_) column.end_chunk(press_);
  press_.wait();
  const std::size_t ordinal = meta_.row_groups.size();
  parquet::RowGroupMeta& group = meta_.row_groups.emplace_back();
  group.rows = static_cast<std::int64_t>(group_rows_);
  if (ordinal <= 0x7FFF) group.ordinal = static_cast<std::int16_t>(ordinal);
  for (parquet::ChunkWriter& column : columns_) {
    const parquet::ChunkMeta& chunk = group.chunks.emplace_back(column.write(offset_, *out_));
    const parquet::PageIndex pages = column.page_index();
    indexes_.push_back({column.bloom_filter(),
                        chunk.statistics ? pages.column_index() : std::vector<std::byte>(),
                        pages.offset_index(chunk.data_offset)});
    offset_ += static_cast<std::uint64_t>(chunk.compressed_size);
    bytes_raw_ += static_cast<std::uint64_t>(chunk.uncompressed_size);
    column.clear();
  }
  drop_large_filters(group);
  meta_.rows += group.rows;
  file_values_ += group_values_;
  group_rows_ = 0;
  group_values_ = 0;
}

// Of rows with tiny vectors, filters would be a good part of the file, and ids are read as fast.
void ParquetWriter::drop_large_filters(const parquet::RowGroupMeta& group) {
  std::int64_t bytes = 0;
  for (const parquet::ChunkMeta& chunk : group.chunks) bytes += chunk.compressed_size;
  const std::size_t most = static_cast<std::size_t>(bytes) / 100;
  for (std::size_t i = indexes_.size() - group.chunks.size(); i < indexes_.size(); ++i) {
    if (indexes_[i].bloom.size() > most) indexes_[i].bloom.clear();
  }
}

// Readers fetch those of one kind in one piece.
void ParquetWriter::put_indexes() {
  const auto put_all = [this](auto ChunkIndexes::*kind,
                              parquet::FilePart parquet::ChunkMeta::*part) {
    auto indexes = indexes_.begin();
    for (parquet::RowGroupMeta& group : meta_.row_groups) {
      for (parquet::ChunkMeta& chunk : group.chunks) {
        const std::vector<std::byte>& bytes = *indexes++.*kind;
        if (bytes.empty()) continue;
        chunk.*part = {static_cast<std::int64_t>(offset_), static_cast<std::int32_t>(bytes.size())};
        put(bytes);
        bytes_raw_ += bytes.size();
      }
    }
  };
  put_all(&ChunkIndexes::bloom, &parquet::ChunkMeta::bloom_filter);
  put_all(&ChunkIndexes::columns, &parquet::ChunkMeta::column_index);
  put_all(&ChunkIndexes::offsets, &parquet::ChunkMeta::offset_index);
}

// A file without rows has no row group, but its schema and metadata.
void ParquetWriter::end() {
  flush_group();
  put_indexes();
  const std::vector<std::byte> footer = parquet::make_footer(meta_);
  put(footer);
  bytes_raw_ += footer.size() + parquet::kMagic.size();
}

}  // namespace embedtool
