#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/columns/column_rows.hpp"
#include "formats/io/byte_io.hpp"
#include "formats/io/damaged.hpp"
#include "formats/parquet/parquet_codec.hpp"
#include "formats/parquet/parquet_encoding.hpp"
#include "formats/parquet/parquet_metadata.hpp"

namespace embedtool::parquet {

/// No page may be larger, unpacked or as stored.
inline constexpr std::size_t kMaxPageBytes = std::size_t{256} << 20;

/// Bytes of page buffers that all columns of one file may take together, so that a hostile file
/// with many compression bombs cannot get more.
struct PageBudget {
  static constexpr std::size_t kMost = std::size_t{1} << 30;

  std::size_t all = kMost;
  std::size_t left = all;
};

/// Reads the pages of a column chunk, one after the other: headers, sizes and CRCs are checked, and
/// sizes before anything is allocated. Throws Damaged and TooLarge. Recycled; not thread-safe.
class PageReader {
 public:
  /// `budget` outlives the reader.
  explicit PageReader(PageBudget& budget) : budget_(&budget) {}

  /// Starts a chunk; `in` and `codec` must outlive the reading.
  void open(const ChunkMeta& meta, const RandomBytes& in, PageCodec& codec);
  /// Unpacks the next page. `width_factor`: how many times its bytes the caller needs in buffers.
  const PageHeader& next(std::size_t width_factor = 1);
  /// The next page's header alone; next() returns it again.
  const PageHeader& peek();
  /// Passes over the page that peek() has shown, unread: its CRC is not checked.
  void pass();
  /// Have all bytes of the chunk been read?
  bool ended() const { return position_ == end_; }

  /// The last page, unpacked; the levels first. Valid until the next page.
  std::span<const std::byte> body() const { return page_; }
  /// The level decoders of a data page, in the page's version, and its values.
  struct Parts {
    RunDecoder repetition;
    RunDecoder definition;
    std::span<const std::byte> values;
  };
  Parts parts(unsigned max_repetition, unsigned max_definition) const;
  /// Moves the page's bytes to `other`: a dictionary stays while other pages come. `factor`: how
  /// many times its bytes it takes there.
  void keep_body(std::vector<std::byte>& other, std::size_t factor);

 private:
  void charge(std::size_t bytes);
  void read_header();
  void unpack();

  PageBudget* budget_;
  std::size_t charged_ = 0;   ///< of the budget, for this reader's buffers at their largest
  std::size_t retained_ = 0;  ///< of the open chunk's dictionary
  const RandomBytes* in_ = nullptr;
  PageCodec* codec_ = nullptr;
  Codec compression_ = Codec::none;
  std::uint64_t position_ = 0;  ///< of the next page
  std::uint64_t end_ = 0;
  PageHeader header_;
  bool peeked_ = false;  ///< header_ is the next page's, which begins at position_
  std::vector<std::byte> head_;
  std::vector<std::byte> packed_;
  std::vector<std::byte> page_;
};

}  // namespace embedtool::parquet
