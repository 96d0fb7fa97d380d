#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/io/byte_io.hpp"
#include "formats/parquet/parquet_bloom.hpp"
#include "formats/parquet/parquet_metadata.hpp"
#include "formats/parquet/parquet_page_press.hpp"
#include "formats/parquet/parquet_schema.hpp"
#include "formats/parquet/parquet_statistics.hpp"

namespace embedtool::parquet {

/// The pages of a chunk, each in buffers of its own that are used again: 16 MiB of pages take 16
/// MiB, while one growing array would take twice that, and more while it grows.
class PageStore {
 public:
  /// Another page, empty. It stays where it is.
  Page& add(const ColumnLayout& layout);
  /// Those added since clear().
  std::size_t count() const { return used_; }
  const Page& operator[](std::size_t i) const { return pages_[i]; }
  /// What the pages take in the file.
  std::size_t bytes() const;
  void write(ByteSink& out) const;
  void clear() { used_ = 0; }

 private:
  std::deque<Page> pages_;
  std::size_t used_ = 0;
};

/// Builds one column of one row group in memory: the page being filled, and the pages done, which a
/// press encodes. Recycled from row group to row group. Not thread-safe.
class ChunkWriter {
 public:
  explicit ChunkWriter(ColumnLayout layout);

  // One of these calls per row, then end_row(); the caller must match the column's type.
  void add_bytes(std::string_view value);
  void add_null();
  void add_fixed(std::span<const std::byte> value);
  void add_int32(std::int32_t value);
  void add_int64(std::int64_t value);
  void add_float64(double value);
  void add_boolean(bool value);
  /// A row's vectors: `count` of them, `dims` elements each. `single` = the row is one vector and
  /// has no list of vectors around it.
  void add_vectors(std::span<const std::byte> vectors, std::size_t count, std::size_t dims,
                   bool single);

  /// A row's list of strings.
  void add_strings(std::span<const std::string_view> values);

  /// Closes the page if the row has filled it.
  void end_row(PagePress& press);
  /// Value bytes added since clear(), uncompressed.
  std::size_t raw_bytes() const { return raw_bytes_; }

  /// Closes the last page. Once the press is done, the chunk is complete until clear().
  void end_chunk(PagePress& press);
  /// The complete chunk, at position `offset` of the file.
  ChunkMeta write(std::uint64_t offset, ByteSink& out) const;
  PageIndex page_index() const;
  /// Empty if the column has none.
  std::vector<std::byte> bloom_filter() { return bloom_.bytes(); }
  /// Ready for the next row group.
  void clear();

 private:
  void add_wide(std::uint64_t bits);
  void add_levels(std::size_t count, std::size_t dims, bool single);
  void close_page(PagePress& press);
  void put_dictionary(PagePress& press);
  ChunkMeta meta(std::uint64_t offset) const;
  bool has_dictionary() const { return layout_.encoding == Encoding::rle_dictionary; }
  /// Whether the page in the file's order holds the dictionary.
  bool is_dictionary(std::size_t page) const { return has_dictionary() && page == 0; }

  ColumnLayout layout_;
  Page open_;        ///< whose rows are being added
  PageStore pages_;  ///< the dictionary first, where there is one
  BloomFilter bloom_;
  std::size_t raw_bytes_ = 0;
};

}  // namespace embedtool::parquet
