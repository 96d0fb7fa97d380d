#include "formats/parquet/parquet_reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "formats/io/damaged.hpp"
#include "formats/io/field_value.hpp"
#include "formats/parquet/parquet_footer.hpp"

namespace embedtool {
namespace {

/// No vocabulary has more bytes of names.
constexpr std::size_t kMaxNames = std::size_t{64} << 20;

Hash128 hash_of(std::span<const std::byte> canonical) {
  Hash128 hash;
  for (std::size_t i = 0; i < 8; ++i) {
    hash.high = hash.high << 8 | std::to_integer<std::uint64_t>(canonical[i]);
    hash.low = hash.low << 8 | std::to_integer<std::uint64_t>(canonical[i + 8]);
  }
  return hash;
}

/// A value as text, appended.
Slice read_field(parquet::ChunkReader& column, FieldType type, DocumentBlock& documents) {
  const auto append = [&](const auto& value) {
    return value ? documents.append(canonical_text(*value)) : Slice::null();
  };
  switch (type) {
    case FieldType::string: {
      const auto value = column.optional_bytes();
      return value ? documents.append(*value) : Slice::null();
    }
    case FieldType::int64:
      return append(column.optional_int64());
    case FieldType::float64:
      return append(column.optional_float64());
    case FieldType::boolean:
      return append(column.optional_boolean());
  }
  return Slice::null();
}

constexpr std::string_view kRemedy =
    "the file is damaged or was not written by embedtool; encode again with `embedtool encode "
    "--overwrite`";

}  // namespace

TokenId TokenNumbers::number_of(std::string_view name, std::size_t most) {
  if (const auto known = numbers_.find(name); known != numbers_.end()) return known->second;
  require(names_.size() < most && name.size() <= kMaxNames - bytes_,
          "more tokens than the vocabulary has");
  const auto number = static_cast<TokenId>(names_.size());
  names_.emplace_back(name);
  numbers_.emplace(names_.back(), number);
  bytes_ += name.size();
  return number;
}

void TokenNumbers::set(TokenId number, std::string_view name, std::size_t most) {
  require(number >= 0 && static_cast<std::size_t>(number) < most,
          "a token's number is not one of the vocabulary");
  const auto at = static_cast<std::size_t>(number);
  if (at >= names_.size()) {
    names_.resize(at + 1);
    known_.resize(at + 1);
  }
  if (known_[at]) return require(names_[at] == name, "two tokens have one number");
  require(name.size() <= kMaxNames - bytes_, "more tokens than the vocabulary has");
  names_[at] = name;
  known_[at] = true;
  bytes_ += name.size();
}

void OutputBlock::clear() {
  documents.clear();
  rows.clear();
  vectors.clear();
  weights.clear();
  offsets.clear();
}

ParquetReader::ParquetReader(const RandomBytes& in, RowParts parts)
    : in_(in), budget_(std::make_unique<parquet::PageBudget>()), parts_(parts) {
  naming_damage(in_.name(), ExitCode::failed, kRemedy, [this] {
    const parquet::Footer footer = parquet::read_footer(in_);
    meta_ = footer.meta;
    footer_start_ = footer.start;
    auto [spec, form] = parquet::spec_of(meta_);
    spec_ = std::move(spec);
    form_ = form;
    for (const auto& column : parquet::layout_of(spec_, form_).columns) {
      columns_.emplace_back(column, *budget_);
    }
    check_indexes(check_groups());
  });
}

// Chunks are back to back from the magic on, in the schema's order, and the indexes from there to
// the footer: no byte is unaccounted for, no range can point elsewhere. Returns where chunks end.
std::uint64_t ParquetReader::check_groups() const {
  const auto layout = parquet::layout_of(spec_, form_);
  std::uint64_t position = parquet::kMagic.size();
  std::uint64_t rows = 0;
  for (const parquet::RowGroupMeta& group : meta_.row_groups) {
    require(group.chunks.size() == layout.columns.size(), "a row group lacks columns");
    require(group.rows > 0 && static_cast<std::uint64_t>(group.rows) <= parquet::kRowGroupRows,
            "a row group has an impossible number of rows");
    rows += static_cast<std::uint64_t>(group.rows);
    for (std::size_t i = 0; i < group.chunks.size(); ++i) {
      const parquet::ChunkMeta& chunk = group.chunks[i];
      const parquet::ColumnLayout& column = layout.columns[i];
      require(chunk.path == column.path && chunk.type == column.type, "columns are out of order");
      require(!chunk.elsewhere, "a column is in another file");
      require(chunk.codec == parquet::codec_of(column.packing),
              "a column is compressed in another way");
      require(chunk.values >= group.rows, "a column has fewer values than rows");
      require(chunk.compressed_size >= 0 && chunk.offset() >= 0 &&
                  static_cast<std::uint64_t>(chunk.offset()) == position,
              "a column does not start where the last one ends");
      require(static_cast<std::uint64_t>(chunk.compressed_size) <= footer_start_ - position,
              "a column is longer than the file");
      position += static_cast<std::uint64_t>(chunk.compressed_size);
    }
  }
  require(meta_.rows >= 0 && rows == static_cast<std::uint64_t>(meta_.rows),
          "the row groups' rows do not add up");
  return position;
}

/// Their contents are for other readers; that they are whole, verify knows by the file's checksum.
void ParquetReader::check_indexes(std::uint64_t position) const {
  for (const auto part : {&parquet::ChunkMeta::bloom_filter, &parquet::ChunkMeta::column_index,
                          &parquet::ChunkMeta::offset_index}) {
    for (const parquet::RowGroupMeta& group : meta_.row_groups) {
      for (const parquet::ChunkMeta& chunk : group.chunks) {
        const auto& [offset, length] = chunk.*part;
        if (offset == -1) continue;
        require(offset >= 0 && length >= 0 && static_cast<std::uint64_t>(offset) == position &&
                    static_cast<std::uint64_t>(length) <= footer_start_ - position,
                "an index is not where it should be");
        position += static_cast<std::uint64_t>(length);
      }
    }
  }
  require(position == footer_start_, "bytes between the columns and the footer");
}

void ParquetReader::open_group() {
  const parquet::RowGroupMeta& group = meta_.row_groups[next_group_++];
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (is_read(i)) columns_[i].open(group.chunks[i], in_, codec_);
  }
  rows_left_ = group.rows;
  skipped_ = 0;
}

bool ParquetReader::is_read(std::size_t column) const {
  if (column == parquet::kId) return parts_.ids;
  if (column < parquet::place_of(spec_, form_, parquet::kTokens)) return parts_.vectors;
  if (column < parquet::place_of(spec_, form_, parquet::kFirstChunk)) return parts_.info;
  return parts_.kept;
}

void ParquetReader::skip(std::uint64_t count) {
  naming_damage(in_.name(), ExitCode::failed, kRemedy, [&] {
    while (count > 0) {
      if (rows_left_ == 0) {
        require(next_group_ < meta_.row_groups.size(), "it has fewer rows than it should");
        const auto rows = static_cast<std::uint64_t>(meta_.row_groups[next_group_].rows);
        if (rows <= count) {  // none of it is wanted
          ++next_group_;
          count -= rows;
          continue;
        }
        open_group();
      }
      const std::uint64_t part = std::min(count, static_cast<std::uint64_t>(rows_left_));
      skipped_ += part;
      rows_left_ -= static_cast<std::int64_t>(part);
      count -= part;
    }
  });
}

/// Brings the columns to the row that is read next.
void ParquetReader::catch_up() {
  if (skipped_ == 0) return;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (!is_read(i)) continue;
    const bool embedding =
        i > parquet::kId && i < parquet::place_of(spec_, form_, parquet::kTokens);
    const bool vectors = embedding && spec_.kind != RowKind::sparse;
    const bool single = !embedding || spec_.kind == RowKind::dense;
    columns_[i].skip(skipped_, vectors ? spec_.dims : 1, single);
  }
  skipped_ = 0;
}

bool ParquetReader::read(OutputBlock& block, const BlockLimits& limits) {
  if (rows_left_ == 0 && next_group_ == meta_.row_groups.size()) return false;
  naming_damage(in_.name(), ExitCode::failed, kRemedy, [&] {
    while (block.rows.size() < limits.records && block.byte_size() < limits.bytes) {
      if (rows_left_ == 0) {
        if (next_group_ == meta_.row_groups.size()) break;
        open_group();
      }
      catch_up();
      read_row(block);
      if (--rows_left_ > 0) continue;
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (is_read(i)) columns_[i].expect_end();
      }
    }
  });
  return true;
}

// Columns advance in step, one value each; a column that runs out early throws.
void ParquetReader::read_row(OutputBlock& block) {
  Record record;
  record.ordinal = block.documents.records.size();
  if (parts_.ids) record.id = block.documents.append(column(parquet::kId).bytes());
  const std::size_t before = spec_.ragged() && !block.offsets.empty() ? block.offsets.back() : 0;
  const std::size_t count = parts_.vectors ? read_embedding(block) : 0;
  if (spec_.ragged()) {
    if (block.offsets.empty()) block.offsets.push_back(0);
    block.offsets.push_back(before + count);
  }
  RowInfo& info = block.rows.emplace_back();
  info.record = static_cast<std::uint32_t>(record.ordinal);
  if (parts_.info) {
    info.n_tokens = static_cast<std::uint32_t>(column(parquet::kTokens).int32());
    info.truncated = column(parquet::kTruncated).boolean();
    info.text_hash = hash_of(column(parquet::kTextHash).fixed());
  }
  block.documents.records.push_back(record);
  if (parts_.kept && spec_.chunked) read_chunk(block.documents);
  if (parts_.kept) read_kept(block.documents);
}

void ParquetReader::read_chunk(DocumentBlock& documents) {
  ChunkPlace& place = documents.chunks.emplace_back();
  std::size_t next = parquet::kFirstChunk;
  place.document = documents.append(column(next++).bytes());
  for (const ChunkNumber& number : kChunkNumbers) {
    const std::int32_t value = column(next++).int32();
    require(value >= 0, "a chunk's place is negative");
    place.*number.value = static_cast<std::uint32_t>(value);
  }
  if (spec_.chunk_text) place.text = documents.append(column(next).bytes());
}

/// Appends a row's vectors, or weights, and returns their number.
std::size_t ParquetReader::read_embedding(OutputBlock& block) {
  parquet::ChunkReader& vectors = columns_[parquet::kEmbedding];
  if (spec_.kind != RowKind::sparse) {
    return vectors.vectors(block.vectors, spec_.dims, spec_.kind == RowKind::dense);
  }
  vectors.strings(names_);
  weights_.clear();
  const std::size_t count = columns_[parquet::kWeights].vectors(weights_, 1, false);
  require(count == names_.size(), "a row has more tokens than weights, or fewer");
  indices_.clear();
  if (form_.indexed) {
    require(columns_[parquet::kIndices].vectors(indices_, 1, false) == count,
            "a row has more tokens than numbers of them, or fewer");
  }
  for (std::size_t i = 0; i < count; ++i) {
    SparseEntry entry;
    entry.token = read_token(block, i);
    std::memcpy(&entry.weight, weights_.data() + i * sizeof(float), sizeof(float));
    block.weights.push_back(entry);
  }
  return count;
}

/// The number of the i-th token of a row.
TokenId ParquetReader::read_token(OutputBlock& block, std::size_t i) {
  if (!form_.indexed) return block.tokens.number_of(names_[i], spec_.dims);
  TokenId number = 0;
  std::memcpy(&number, indices_.data() + i * sizeof number, sizeof number);
  block.tokens.set(number, names_[i], spec_.dims);
  return number;
}

void ParquetReader::read_kept(DocumentBlock& documents) {
  for (std::size_t i = 0; i < spec_.kept_fields.size(); ++i) {
    parquet::ChunkReader& kept = column(parquet::first_kept(spec_) + i);
    documents.kept.push_back(read_field(kept, spec_.kept_fields[i].type, documents));
  }
}

}  // namespace embedtool
