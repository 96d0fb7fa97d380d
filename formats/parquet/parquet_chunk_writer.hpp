#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "formats/io/byte_io.hpp"
#include "formats/parquet/parquet_bloom.hpp"
#include "formats/parquet/parquet_codec.hpp"
#include "formats/parquet/parquet_encoding.hpp"
#include "formats/parquet/parquet_schema.hpp"
#include "formats/parquet/parquet_statistics.hpp"

namespace embedtool::parquet {

/// Finished pages held in memory, each in reused buffers of about its size: 16 MiB of pages take
/// 16 MiB, while one growing array would take twice that, and more while it grows.
class PageStore {
 public:
  /// In the file, the body follows the head.
  struct Page {
    std::vector<std::byte> head;
    std::vector<std::byte> body;
    std::size_t size() const { return head.size() + body.size(); }
  };

  /// The next page, empty.
  Page& add();
  bool empty() const { return used_ == 0; }
  std::size_t bytes() const;
  void write(ByteSink& out) const;
  void clear() { used_ = 0; }

 private:
  std::vector<Page> pages_;
  std::size_t used_ = 0;
};

/// Builds one column of one row group in memory: the page being filled, and the pages done,
/// compressed. Recycled from row group to row group. Not thread-safe.
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
  void end_row(PageCodec& codec);
  /// Value bytes added since clear(), uncompressed.
  std::size_t raw_bytes() const { return raw_bytes_; }

  /// Closes the last page and writes the chunk; `offset` is its position in the file.
  ChunkMeta flush(PageCodec& codec, std::uint64_t offset, ByteSink& out);
  /// The pages of the chunk, until clear().
  const PageIndex& pages() const { return index_; }
  /// The Bloom filter of the chunk, until clear(); empty if the column has none.
  std::vector<std::byte> bloom_filter() { return bloom_.bytes(); }
  /// Ready for the next row group.
  void clear();

 private:
  void add_wide(std::uint64_t bits);
  void add_levels(std::size_t count, std::size_t dims, bool single);
  void encode_levels();
  void encode_values();
  void encode_indices();
  void append_levels(RunEncoder& levels);
  void close_page(PageCodec& codec);
  std::size_t put_values();
  std::size_t put_page(PageCodec& codec, PageType type, Encoding encoding, std::size_t values);
  PageStore::Page& add_page(PageHeader header, std::size_t raw_bytes, std::size_t bytes);
  void put_dictionary(PageCodec& codec);
  bool has_dictionary() const { return layout_.encoding == Encoding::rle_dictionary; }

  ColumnLayout layout_;
  RunEncoder repetition_;
  RunEncoder definition_;
  std::vector<std::byte> values_;  ///< of the open page, plain
  std::size_t levels_ = 0;         ///< of the open page
  std::size_t booleans_ = 0;       ///< in the open page
  std::vector<std::byte> page_;    ///< the open page, encoded
  PageStore pages_;                ///< of the chunk, with headers
  PageIndex index_;
  BloomFilter bloom_;
  ValueRange page_range_;   ///< of the open page
  ValueRange chunk_range_;  ///< of the pages before
  std::int64_t page_rows_ = 0;
  std::size_t raw_bytes_ = 0;
  std::size_t dictionary_size_ = 0;  ///< of the dictionary page in pages_
  std::int64_t total_levels_ = 0;
  std::int64_t uncompressed_ = 0;
};

}  // namespace embedtool::parquet
