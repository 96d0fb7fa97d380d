#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/columns/column_rows.hpp"
#include "formats/io/byte_io.hpp"
#include "formats/parquet/parquet_leaf_reader.hpp"
#include "formats/parquet/parquet_tree.hpp"

namespace embedtool::parquet {

/// The rows of a Parquet file that anybody wrote, as far as they are wanted. Row groups may be of
/// any size: of each wanted column one page is in memory, and its dictionary. Throws Damaged and
/// Unsupported. Not thread-safe.
class ParquetRows final : public ColumnRows {
 public:
  /// `in` outlives the reader. Reads the footer. Pages take `page_bytes` of memory at most.
  explicit ParquetRows(const RandomBytes& in, std::size_t page_bytes = PageBudget::kMost);

  const ColumnNode& columns() const override { return tree_.root; }
  /// A row group belongs to the range that holds its first byte.
  std::uint64_t confine(std::uint64_t begin, std::uint64_t end) override;
  void select(const std::vector<bool>& wanted) override;
  bool next_row(Wait wait, bool& blocked) override;
  bool scalar(const ColumnNode& leaf, std::string_view& raw) override;
  Found numbers(const ColumnNode& list, std::size_t most, std::vector<double>& out) override;
  void append_json(const ColumnNode& column, std::size_t most, std::string& out) override;
  std::uint64_t position() const override { return position_; }

 private:
  struct Group {
    std::uint64_t rows = 0;
    std::uint64_t end = 0;          ///< in the file
    std::vector<ChunkMeta> chunks;  ///< of the wanted leaves
  };
  class JsonWriter;

  void scale_int8();
  void open_group();
  LeafReader& witness(const ColumnNode& node) { return readers_[witness_[node.id]]; }
  const NodeLevels& levels(const ColumnNode& node) const { return tree_.levels[node.id]; }

  const RandomBytes& in_;
  SchemaTree tree_;
  PageCodec codec_;
  PageBudget budget_;
  FileMeta meta_;  ///< until select()
  std::vector<Group> groups_;
  std::vector<bool> wanted_;            ///< by node
  std::vector<LeafReader> readers_;     ///< of the wanted leaves
  std::vector<std::size_t> witness_;    ///< by node: the first wanted leaf below it
  std::vector<std::size_t> n_readers_;  ///< by node: how many there are below it
  std::size_t next_group_ = 0;
  std::uint64_t rows_left_ = 0;  ///< of the open group
  std::uint64_t position_ = 0;
};

}  // namespace embedtool::parquet
