#include "formats/parquet/parquet_page_reader.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/human.hpp"

namespace embedtool::parquet {
namespace {

/// A header takes some 30 bytes, with statistics of long strings some kilobytes.
constexpr std::size_t kFirstHeader = 512;
constexpr std::size_t kMaxHeader = std::size_t{1} << 20;

RunDecoder take_levels(std::span<const std::byte> page, std::size_t& position, std::size_t size,
                       unsigned max) {
  require(size <= page.size() - position, "a page's levels are longer than it");
  const RunDecoder decoder{page.subspan(position, size), bit_width(max)};
  position += size;
  return decoder;
}

/// Version 1 writes levels with their length, and only those that the column has.
RunDecoder take_headed(std::span<const std::byte> page, std::size_t& position, unsigned max,
                       Encoding encoding) {
  if (max == 0) return {};
  if (encoding == Encoding::bit_packed) {
    throw Unsupported("its levels are BIT_PACKED, an encoding that was given up in 2013");
  }
  require(encoding == Encoding::rle, "a page's levels are not RLE");
  require(page.size() - position >= 4, "a page ends early");
  const std::size_t size = load_u32(&page[position]);
  position += 4;
  return take_levels(page, position, size, max);
}

}  // namespace

void PageReader::open(const ChunkMeta& meta, const RandomBytes& in, PageCodec& codec) {
  in_ = &in;
  codec_ = &codec;
  compression_ = meta.codec;
  require(meta.offset() >= 0 && meta.compressed_size >= 0 &&
              static_cast<std::uint64_t>(meta.offset()) <= in.size() &&
              static_cast<std::uint64_t>(meta.compressed_size) <=
                  in.size() - static_cast<std::uint64_t>(meta.offset()),
          "a column reaches past the end of the file");
  position_ = static_cast<std::uint64_t>(meta.offset());
  end_ = position_ + static_cast<std::uint64_t>(meta.compressed_size);
  retained_ = 0;
  peeked_ = false;
}

// How long a header is shows only when it has been read: more bytes are tried after few.
void PageReader::read_header() {
  for (std::size_t most = kFirstHeader;; most *= 8) {
    head_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(most, end_ - position_)));
    in_->read_at(position_, head_);
    std::size_t consumed = 0;
    try {
      header_ = read_page_header(head_, consumed);
      position_ += consumed;
      return;
    } catch (const Damaged&) {
      if (most >= kMaxHeader || head_.size() < most) throw;
    }
  }
}

void PageReader::keep_body(std::vector<std::byte>& other, std::size_t factor) {
  page_.swap(other);
  retained_ = other.size() * factor;
}

// Buffers keep their capacity, so that a charge is never given back.
void PageReader::charge(std::size_t bytes) {
  if (bytes <= charged_) return;
  if (bytes - charged_ > budget_->left) {
    throw TooLarge(fmt::format("the pages of its columns take more than {} of memory",
                               human_bytes(budget_->all)));
  }
  budget_->left -= bytes - charged_;
  charged_ = bytes;
}

const PageHeader& PageReader::peek() {
  if (peeked_) return header_;
  require(position_ < end_, "a column has fewer pages than values");
  read_header();
  peeked_ = true;
  return header_;
}

void PageReader::pass() {
  const auto size = static_cast<std::uint64_t>(peek().compressed_size);
  require(size <= end_ - position_, "a page is longer than its column");
  position_ += size;
  peeked_ = false;
}

const PageHeader& PageReader::next(std::size_t width_factor) {
  peek();
  peeked_ = false;
  const auto size = static_cast<std::size_t>(header_.compressed_size);
  const auto raw = static_cast<std::size_t>(header_.uncompressed_size);
  require(size <= end_ - position_, "a page is longer than its column");
  require(raw <= kMaxPageBytes && size <= kMaxPageBytes, "a page is larger than 256 MiB");
  charge(retained_ + size + raw * width_factor);
  packed_.resize(size);
  in_->read_at(position_, packed_);
  position_ += size;
  require(!header_.crc || page_crc(packed_) == *header_.crc, "a page's CRC does not match");
  unpack();
  return header_;
}

// Version 2 keeps the levels in front, as they are.
void PageReader::unpack() {
  const auto raw = static_cast<std::size_t>(header_.uncompressed_size);
  std::size_t plain = 0;
  Codec codec = compression_;
  if (header_.type == PageType::data_v2) {
    plain = static_cast<std::size_t>(header_.repetition_size) +
            static_cast<std::size_t>(header_.definition_size);
    require(plain <= packed_.size() && plain <= raw, "a page's levels are longer than it");
    if (!header_.compressed) codec = Codec::none;
  }
  const auto packed = std::span<const std::byte>(packed_).subspan(plain);
  // A page of nothing but nulls may have no values at all, not even compressed ones.
  const bool nothing = raw == plain;
  if (!nothing) PageCodec::check_size(codec, packed, raw - plain);
  if (codec == Codec::none && plain == 0) {
    page_.swap(packed_);
    return;
  }
  page_.resize(raw);
  std::copy_n(packed_.begin(), plain, page_.begin());
  if (!nothing) codec_->decompress(codec, packed, std::span(page_).subspan(plain));
}

PageReader::Parts PageReader::parts(unsigned max_repetition, unsigned max_definition) const {
  Parts parts;
  const std::span<const std::byte> page(page_);
  std::size_t position = 0;
  if (header_.type == PageType::data_v2) {
    parts.repetition = take_levels(
        page, position, static_cast<std::size_t>(header_.repetition_size), max_repetition);
    parts.definition = take_levels(
        page, position, static_cast<std::size_t>(header_.definition_size), max_definition);
  } else {
    parts.repetition = take_headed(page, position, max_repetition, header_.repetition_encoding);
    parts.definition = take_headed(page, position, max_definition, header_.definition_encoding);
  }
  parts.values = page.subspan(position);
  return parts;
}

}  // namespace embedtool::parquet
