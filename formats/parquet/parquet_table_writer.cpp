#include "formats/parquet/parquet_table_writer.hpp"

#include <span>

#include "formats/parquet/parquet_footer.hpp"

namespace embedtool {
namespace {

parquet::SchemaElement element_of(const ParquetTableWriter::Column& column) {
  parquet::SchemaElement element;
  element.name = column.name;
  element.type = column.is_integer ? parquet::Physical::int32 : parquet::Physical::byte_array;
  element.repetition =
      column.optional ? parquet::Repetition::optional : parquet::Repetition::required;
  element.logical = column.is_integer ? parquet::Logical::none : parquet::Logical::string;
  return element;
}

parquet::ColumnLayout layout_of(const ParquetTableWriter::Column& column) {
  parquet::ColumnLayout layout;
  layout.role = parquet::Role::kept;
  layout.path = {column.name};
  layout.type = element_of(column).type;
  layout.max_definition = column.optional ? 1 : 0;
  return layout;
}

}  // namespace

ParquetTableWriter::ParquetTableWriter(const std::vector<Column>& columns, int zstd_level,
                                       ByteSink& out)
    : press_(zstd_level), out_(out) {
  parquet::SchemaElement root;
  root.name = "schema";
  root.children = static_cast<std::int32_t>(columns.size());
  meta_.schema.push_back(root);
  meta_.created_by = "embedtool";
  for (const Column& column : columns) {
    meta_.schema.push_back(element_of(column));
    columns_.emplace_back(layout_of(column));
  }
  put(std::as_bytes(std::span(parquet::kMagic)));
}

void ParquetTableWriter::put(std::span<const std::byte> bytes) {
  out_.write(bytes);
  offset_ += bytes.size();
}

void ParquetTableWriter::add(std::size_t column, std::optional<std::string_view> value) {
  value ? columns_[column].add_bytes(*value) : columns_[column].add_null();
}

void ParquetTableWriter::add(std::size_t column, std::optional<std::int32_t> value) {
  value ? columns_[column].add_int32(*value) : columns_[column].add_null();
}

void ParquetTableWriter::end_row() {
  std::size_t bytes = 0;
  for (parquet::ChunkWriter& column : columns_) {
    column.end_row(press_);
    bytes += column.raw_bytes();
  }
  ++group_rows_;
  if (bytes >= parquet::kRowGroupBytes || group_rows_ >= parquet::kRowGroupRows) flush_group();
}

void ParquetTableWriter::flush_group() {
  if (group_rows_ == 0) return;
  parquet::RowGroupMeta& group = meta_.row_groups.emplace_back();
  group.rows = static_cast<std::int64_t>(group_rows_);
  for (parquet::ChunkWriter& column : columns_) {
    column.end_chunk(press_);
    press_.wait();
    group.chunks.push_back(column.write(offset_, out_));
    offset_ += static_cast<std::uint64_t>(group.chunks.back().compressed_size);
    column.clear();
  }
  meta_.rows += group.rows;
  group_rows_ = 0;
}

void ParquetTableWriter::finish() {
  flush_group();
  put(parquet::make_footer(meta_));
}

}  // namespace embedtool
