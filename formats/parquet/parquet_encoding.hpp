#pragma once

// Parquet's value and level encodings. Source: apache/parquet-format, Encodings.md.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace embedtool::parquet {

/// BYTE_STREAM_SPLIT: byte k of every `width`-byte element, for k = 0, 1, … back to back. Both
/// spans have the same size, a multiple of `width`, and do not overlap.
void split_bytes(std::span<const std::byte> elements, std::size_t width, std::span<std::byte> out);
/// The inverse.
void join_bytes(std::span<const std::byte> streams, std::size_t width, std::span<std::byte> out);

/// Bits that the values 0…max need.
unsigned bit_width(unsigned max);

/// `width` bits (at most 32) from bit `bit` of `bytes` on, the lowest bit of a byte first; bits
/// past the end are 0.
inline std::uint32_t load_bits(std::span<const std::byte> bytes, std::size_t bit, unsigned width) {
  const std::size_t first = bit / 8;
  std::uint64_t word = 0;
  if (first < bytes.size()) {
    std::memcpy(&word, bytes.data() + first, std::min<std::size_t>(8, bytes.size() - first));
  }
  return static_cast<std::uint32_t>(word >> (bit % 8) & ((std::uint64_t{1} << width) - 1));
}

/// The RLE / bit-packing hybrid for levels of at most 3 bits, fed in runs. A stretch of ≥ 8 equal
/// values that starts on a group boundary becomes an RLE run, everything else bit-packed groups of
/// 8: a function of the values alone, not of how they are split over append() calls.
class RunEncoder {
 public:
  explicit RunEncoder(unsigned bit_width) : bit_width_(bit_width) {}

  void append(std::uint8_t value, std::size_t count);
  /// Closes the last run and returns the bytes, valid until the next append() or clear().
  std::span<const std::byte> finish();
  void clear();

 private:
  void flush_repeated();
  void flush_packed();
  void add_to_group(std::uint8_t value, std::size_t count);

  unsigned bit_width_;
  std::vector<std::byte> out_;
  std::vector<std::byte> packed_;  ///< whole groups of 8 values, not yet headed
  std::array<std::uint8_t, 8> group_{};
  std::size_t group_size_ = 0;
  std::uint8_t repeated_ = 0;
  std::size_t repeats_ = 0;
};

/// Reads the hybrid, values of at most 32 bits, from hostile bytes; throws Damaged where they end
/// early.
class RunDecoder {
 public:
  RunDecoder() = default;
  /// Throws Damaged for more than 32 bits.
  RunDecoder(std::span<const std::byte> bytes, unsigned bit_width);

  std::uint32_t next() {
    if (left_ == 0) open_run();
    --left_;
    return packed_ ? unpack() : repeated_;
  }

  /// Takes `count` values if all of them are `value`; else false, with some of them taken.
  bool take(std::uint32_t value, std::uint64_t count);

  /// How many of the next `most` values are sure to be `value`: those in an open run of it.
  std::uint64_t ahead(std::uint32_t value, std::uint64_t most) const {
    return packed_ || repeated_ != value ? 0 : std::min(most, left_);
  }
  /// Passes over some of those.
  void pass(std::uint64_t count) { left_ -= count; }

  /// Bytes not read yet, the rest of an open bit-packed run not counted.
  std::size_t bytes_left() const { return bytes_.size() - position_; }

 private:
  void open_run();
  std::uint32_t unpack() {
    const std::uint32_t value = load_bits(bytes_, bit_, bit_width_);
    bit_ += bit_width_;
    return value;
  }

  std::span<const std::byte> bytes_;
  unsigned bit_width_ = 0;
  std::size_t position_ = 0;  ///< of the next run's header
  std::size_t bit_ = 0;       ///< of the next packed value, from the start of bytes_
  std::uint64_t left_ = 0;    ///< values of the open run
  std::uint32_t repeated_ = 0;
  bool packed_ = false;
};

/// As append_bytes(), but the room is not cleared first: it is for most of what a file holds.
void append(std::vector<std::byte>& out, std::span<const std::byte> bytes);
/// Little-endian, as everything in Parquet.
void append_u32(std::vector<std::byte>& out, std::uint32_t value);
std::uint32_t load_u32(const std::byte* bytes);
/// An unsigned varint (ULEB128) at `position`, which moves behind it. Throws Damaged at the end,
/// and for more than 64 bits.
std::uint64_t read_varint(std::span<const std::byte> bytes, std::size_t& position);
void append_varint(std::vector<std::byte>& out, std::uint64_t value);

}  // namespace embedtool::parquet
