#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/io/byte_io.hpp"
#include "formats/parquet/parquet_codec.hpp"
#include "formats/parquet/parquet_encoding.hpp"
#include "formats/parquet/parquet_page_reader.hpp"
#include "formats/parquet/parquet_schema.hpp"

namespace embedtool::parquet {

/// Reads one column of one row group of ours, value by value, a page at a time. Everything is
/// checked: headers, sizes, CRCs, levels, and that pages are as ChunkWriter writes them. Throws
/// Damaged. Recycled; not thread-safe.
class ChunkReader {
 public:
  /// `budget` outlives the reader.
  ChunkReader(ColumnLayout layout, PageBudget& budget)
      : layout_(std::move(layout)), pages_(budget) {}

  /// Starts reading a chunk; `in` and `codec` must outlive the reading.
  void open(const ChunkMeta& meta, const RandomBytes& in, PageCodec& codec);

  // One of these per row. Views last until the next call.
  std::string_view bytes();
  std::optional<std::string_view> optional_bytes();
  std::optional<std::int64_t> optional_int64();
  std::optional<double> optional_float64();
  std::optional<bool> optional_boolean();
  std::span<const std::byte> fixed();
  std::int32_t int32();
  bool boolean();
  /// Appends a row's vectors to `out` and returns their number; `single`: exactly one.
  std::size_t vectors(std::vector<std::byte>& out, std::size_t dims, bool single);
  /// A row's list of strings; the views last until the next call.
  void strings(std::vector<std::string_view>& out);

  /// Passes over `rows` rows. `dims` and `single` are as for vectors(); 1 and true for a column
  /// with one value in each row. Where all rows have equally many values, whole pages pass unread.
  void skip(std::uint64_t rows, std::size_t dims, bool single);

  /// Every row has been read: throws if anything is left.
  void expect_end() const;

 private:
  void start_value();
  bool start_optional();
  std::string_view take_bytes();
  std::uint64_t take_wide();
  bool take_bit();
  void skip_row(std::size_t dims, bool single);
  bool skip_page(std::uint64_t& rows, std::size_t elements);
  std::size_t take_single(std::vector<std::byte>& out, std::size_t dims);
  void load_page();
  void load_dictionary();
  void require_page_used() const;
  const PageHeader& read_page();
  void decode_page(Encoding encoding);
  void decode_indices(std::span<const std::byte> values);
  std::span<const std::byte> take(std::size_t size);
  std::uint32_t peek_repetition();
  std::size_t element_size() const;
  bool has_dictionary() const { return layout_.encoding == Encoding::rle_dictionary; }

  ColumnLayout layout_;
  PageReader pages_;
  std::uint64_t levels_left_in_chunk_ = 0;

  std::vector<std::byte> plain_;  ///< values whose encoding is not PLAIN, decoded
  std::span<const std::byte> values_;
  std::size_t at_ = 0;  ///< next byte of values_ (next bit for booleans)
  std::size_t levels_left_ = 0;
  RunDecoder repetition_;
  RunDecoder definition_;
  std::optional<std::uint32_t> peeked_;
  std::vector<std::byte> skipped_;
  std::vector<std::string_view> skipped_names_;
};

}  // namespace embedtool::parquet
