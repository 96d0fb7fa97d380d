#include "formats/parquet/parquet_encoding.hpp"

#include <algorithm>

#include "core/base/check.hpp"
#include "formats/io/damaged.hpp"

namespace embedtool::parquet {

// One pass for each byte position: the stores are sequential, and the loads stay in the cache for
// pages of this size.
void split_bytes(std::span<const std::byte> elements, std::size_t width, std::span<std::byte> out) {
  EMBEDTOOL_CHECK(width > 0 && elements.size() % width == 0 && out.size() == elements.size());
  const std::size_t count = elements.size() / width;
  if (count == 0) return;  // there may be no memory to point into
  for (std::size_t k = 0; k < width; ++k) {
    std::byte* stream = out.data() + k * count;
    const std::byte* in = elements.data() + k;
    for (std::size_t i = 0; i < count; ++i) stream[i] = in[i * width];
  }
}

void join_bytes(std::span<const std::byte> streams, std::size_t width, std::span<std::byte> out) {
  EMBEDTOOL_CHECK(width > 0 && streams.size() % width == 0 && out.size() == streams.size());
  const std::size_t count = streams.size() / width;
  if (count == 0) return;
  for (std::size_t k = 0; k < width; ++k) {
    const std::byte* stream = streams.data() + k * count;
    std::byte* to = out.data() + k;
    for (std::size_t i = 0; i < count; ++i) to[i * width] = stream[i];
  }
}

unsigned bit_width(unsigned max) {
  unsigned width = 0;
  while (max >> width != 0) ++width;
  return width;
}

void append(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_u32(std::vector<std::byte>& out, std::uint32_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<std::byte>((value >> shift) & 0xFF));
  }
}

std::uint32_t load_u32(const std::byte* bytes) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) value |= std::to_integer<std::uint32_t>(bytes[i]) << (8 * i);
  return value;
}

void append_varint(std::vector<std::byte>& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::byte>(0x80 | (value & 0x7F)));
    value >>= 7;
  }
  out.push_back(static_cast<std::byte>(value));
}

// Runs are gathered maximally in repeats_ before any of them is written, so that two appends of
// the same value encode like one.
void RunEncoder::append(std::uint8_t value, std::size_t count) {
  if (count == 0) return;
  if (repeats_ > 0 && value != repeated_) flush_repeated();
  repeated_ = value;
  repeats_ += count;
}

void RunEncoder::add_to_group(std::uint8_t value, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) group_[group_size_++] = value;
  if (group_size_ < group_.size()) return;
  // Values fill bytes from the lowest bit up.
  std::uint32_t bits = 0;
  for (unsigned i = 0; i < 8; ++i)
    bits |= static_cast<std::uint32_t>(group_[i]) << (i * bit_width_);
  for (unsigned i = 0; i < bit_width_; ++i) {
    packed_.push_back(static_cast<std::byte>((bits >> (8 * i)) & 0xFF));
  }
  group_size_ = 0;
}

// A long run may start only where a group of 8 ends; until then its values fill the open group.
void RunEncoder::flush_repeated() {
  std::size_t count = repeats_;
  repeats_ = 0;
  if (group_size_ > 0) {
    const std::size_t fill = std::min(count, group_.size() - group_size_);
    add_to_group(repeated_, fill);
    count -= fill;
  }
  if (count >= group_.size()) {
    flush_packed();
    append_varint(out_, static_cast<std::uint64_t>(count) << 1);
    out_.push_back(static_cast<std::byte>(repeated_));
  } else if (count > 0) {
    add_to_group(repeated_, count);
  }
}

// All groups since the last long run share one header.
void RunEncoder::flush_packed() {
  if (packed_.empty()) return;
  append_varint(out_, (packed_.size() / bit_width_) << 1 | 1);
  out_.insert(out_.end(), packed_.begin(), packed_.end());
  packed_.clear();
}

std::span<const std::byte> RunEncoder::finish() {
  if (repeats_ > 0) flush_repeated();
  if (group_size_ > 0) add_to_group(0, group_.size() - group_size_);
  flush_packed();
  return out_;
}

void RunEncoder::clear() {
  out_.clear();
  packed_.clear();
  group_size_ = 0;
  repeats_ = 0;
}

RunDecoder::RunDecoder(std::span<const std::byte> bytes, unsigned bit_width)
    : bytes_(bytes), bit_width_(bit_width) {
  require(bit_width <= 32, "values of more than 32 bits");
}

bool RunDecoder::take(std::uint32_t value, std::uint64_t count) {
  while (count > 0) {
    if (left_ == 0) open_run();
    if (packed_) {
      if (next() != value) return false;
      --count;
      continue;
    }
    if (repeated_ != value) return false;
    const std::uint64_t part = std::min(count, left_);
    left_ -= part;
    count -= part;
  }
  return true;
}

// The header tells the kind in its lowest bit. A packed run holds as many whole values as there are
// bytes for (some writers cut the padding of its last group); the caller's count of values leaves
// padding unread.
void RunDecoder::open_run() {
  if (bit_width_ == 0) {  // nothing needs to be written for values that are all 0
    packed_ = false;
    repeated_ = 0;
    left_ = UINT64_MAX;
    return;
  }
  require(position_ < bytes_.size(), "levels end early");
  const std::uint64_t header = read_varint(bytes_, position_);
  packed_ = (header & 1) != 0;
  left_ = header >> 1;
  const std::size_t rest = bytes_.size() - position_;
  require(left_ > 0, "an empty run of levels");
  if (packed_) {
    const std::uint64_t groups = std::min<std::uint64_t>(left_, rest / bit_width_ + 1);
    left_ = std::min<std::uint64_t>(groups * 8, std::uint64_t{rest} * 8 / bit_width_);
    require(left_ > 0, "levels end early");
    bit_ = position_ * 8;
    position_ += std::min<std::size_t>(rest, static_cast<std::size_t>(groups) * bit_width_);
  } else {
    const std::size_t size = (bit_width_ + 7) / 8;
    require(rest >= size, "levels end early");
    repeated_ = load_bits(bytes_, position_ * 8, bit_width_);
    position_ += size;
  }
}

std::uint64_t read_varint(std::span<const std::byte> bytes, std::size_t& position) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    require(position < bytes.size(), "a number ends early");
    const auto b = std::to_integer<std::uint64_t>(bytes[position++]);
    value |= (b & 0x7F) << shift;
    if ((b & 0x80) == 0) return value;
  }
  throw Damaged("a number has too many bytes");
}

}  // namespace embedtool::parquet
