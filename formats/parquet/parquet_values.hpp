#pragma once

// The encodings of values that foreign files use. Source: apache/parquet-format, Encodings.md.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/parquet/parquet_encoding.hpp"
#include "formats/parquet/parquet_metadata.hpp"

namespace embedtool::parquet {

/// DELTA_BINARY_PACKED: integers as differences, in blocks of miniblocks. Reads them one by one
/// from hostile bytes, whatever number of them is claimed; throws Damaged.
class DeltaDecoder {
 public:
  DeltaDecoder() = default;
  explicit DeltaDecoder(std::span<const std::byte> bytes);

  std::int64_t next();
  std::uint64_t values_left() const { return left_; }
  /// Where the encoded values end: found by their headers, without decoding any.
  std::size_t end() const;

 private:
  void open_block();
  void open_miniblock();
  std::uint64_t unpack();

  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;  ///< of the next block or miniblock
  std::uint64_t per_miniblock_ = 0;
  std::uint64_t miniblocks_ = 0;  ///< a block's
  std::uint64_t left_ = 0;        ///< values
  bool first_ = true;
  std::uint64_t value_ = 0;  ///< the last one; differences wrap around
  std::uint64_t min_delta_ = 0;
  std::size_t widths_ = 0;       ///< position of the open block's bit widths
  std::uint64_t miniblock_ = 0;  ///< next of the open block
  std::uint64_t left_in_miniblock_ = 0;
  unsigned width_ = 0;
  std::size_t bit_ = 0;
};

/// What the values of a column are, for decoding.
struct ValueType {
  Physical physical = Physical::none;
  std::size_t width = 0;  ///< bytes of a value; 0 for byte_array
};
ValueType value_type(const SchemaElement& leaf);

/// The entries of a dictionary page, which must stay where it is.
class Dictionary {
 public:
  /// Throws Damaged. Takes as many bytes as the page at most.
  void open(std::span<const std::byte> page, std::size_t entries, const ValueType& type);
  std::string_view at(std::size_t index) const;

 private:
  std::span<const std::byte> page_;
  std::size_t width_ = 0;
  std::size_t entries_ = 0;
  std::vector<std::uint32_t> starts_;  ///< byte_array: of each entry's length
};

/// Gives a data page's values one after the other, as their bytes: those of a string, or the
/// little-endian bytes of a number (a boolean is one byte). Nothing is decoded ahead, except for
/// BYTE_STREAM_SPLIT. Throws Damaged, and Unsupported for an encoding that does not exist or does
/// not go with the type. Recycled; not thread-safe.
class ValueDecoder {
 public:
  /// `values` and `dictionary` must outlive the reading; `levels` bounds how many values there are.
  void open(Encoding encoding, const ValueType& type, std::span<const std::byte> values,
            const Dictionary* dictionary);
  /// Valid until the next call.
  std::string_view next();
  /// Do values of one width lie back to back? Then next(count) gives so many at once.
  bool is_contiguous() const { return mode_ == Mode::fixed; }
  std::string_view next(std::size_t count) { return take(count * type_.width); }

 private:
  enum class Mode : std::uint8_t {
    fixed,
    strings,
    bits,
    runs,
    dictionary,
    delta,
    delta_lengths,
    delta_strings
  };

  void open_plain();
  void open_deltas(Encoding encoding);
  std::string_view take(std::size_t size);
  std::string_view next_bit();
  std::string_view next_delta_string();
  std::string_view keep(std::uint64_t number, std::size_t size);

  Mode mode_ = Mode::fixed;
  ValueType type_;
  std::span<const std::byte> values_;
  std::size_t at_ = 0;  ///< next byte of values_; next bit for `bits`
  RunDecoder runs_;
  const Dictionary* dictionary_ = nullptr;
  DeltaDecoder deltas_;    ///< numbers, or the lengths of strings
  DeltaDecoder prefixes_;  ///< how much of the last string a string begins with
  std::string string_;
  std::array<char, 8> number_{};
  std::vector<std::byte> joined_;
};

}  // namespace embedtool::parquet
