#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/parquet/parquet_chunk_writer.hpp"
#include "formats/parquet/parquet_metadata.hpp"

namespace embedtool {

/// Writes a Parquet file of plain columns: strings and 32-bit integers, each of which may be null.
/// The bytes are a function of the columns and the rows. Holds one row group. Not thread-safe.
class ParquetTableWriter {
 public:
  struct Column {
    std::string name;
    bool is_integer = false;  ///< else a string
    bool optional = false;    ///< may be null
  };

  /// `out` outlives the writer.
  ParquetTableWriter(const std::vector<Column>& columns, int zstd_level, ByteSink& out);

  // A row: one value for each column, in any order, then end_row().
  void add(std::size_t column, std::optional<std::string_view> value);
  void add(std::size_t column, std::optional<std::int32_t> value);
  void end_row();
  /// Writes the last row group and the footer.
  void finish();

 private:
  void flush_group();
  void put(std::span<const std::byte> bytes);

  parquet::PagePress press_;
  ByteSink& out_;
  std::vector<parquet::ChunkWriter> columns_;
  std::uint64_t offset_ = 0;
  std::size_t group_rows_ = 0;
  parquet::FileMeta meta_;
};

}  // namespace embedtool
