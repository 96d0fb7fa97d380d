#include "formats/parquet/parquet_chunk_writer.hpp"

#include <bit>
#include <utility>

#include "core/base/error.hpp"

namespace embedtool::parquet {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

void append(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void check_size(std::size_t bytes, const std::vector<std::string>& path) {
  if (bytes <= kMaxValueBytes) return;
  throw Error(ExitCode::failed,
              "a value of column '{}' takes {} bytes, more than the {} that fit in a Parquet page; "
              "shorten the texts (--max-length) or remove the field from --keep",
              path.front(), bytes, kMaxValueBytes);
}

std::size_t element_width(const ColumnLayout& layout) {
  return layout.type == Physical::fixed ? static_cast<std::size_t>(layout.type_length) : 4;
}

}  // namespace

PageStore::Page& PageStore::add() {
  if (used_ == pages_.size()) pages_.emplace_back();
  Page& page = pages_[used_++];
  page.head.clear();
  page.body.clear();
  return page;
}

std::size_t PageStore::bytes() const {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < used_; ++i) sum += pages_[i].size();
  return sum;
}

void PageStore::write(ByteSink& out) const {
  for (std::size_t i = 0; i < used_; ++i) {
    out.write(pages_[i].head);
    out.write(pages_[i].body);
  }
}

ChunkWriter::ChunkWriter(ColumnLayout layout)
    : layout_(std::move(layout)),
      repetition_(bit_width(layout_.max_repetition)),
      definition_(bit_width(layout_.max_definition)) {}

void ChunkWriter::add_bytes(std::string_view value) {
  check_size(value.size(), layout_.path);
  if (layout_.max_definition > 0) definition_.append(1, 1);
  append_u32(values_, static_cast<std::uint32_t>(value.size()));
  append(values_, as_bytes(value));
  if (layout_.searched) page_range_.add(value);
  if (layout_.looked_up) bloom_.add(value);
  raw_bytes_ += value.size() + 4;
  ++levels_;
}

void ChunkWriter::add_null() {
  definition_.append(0, 1);
  page_range_.add_null();
  ++levels_;
}

void ChunkWriter::add_fixed(std::span<const std::byte> value) {
  append(values_, value);
  raw_bytes_ += value.size();
  ++levels_;
}

void ChunkWriter::add_int32(std::int32_t value) {
  if (layout_.max_definition > 0) definition_.append(1, 1);
  append_u32(values_, static_cast<std::uint32_t>(value));
  page_range_.add(value);
  raw_bytes_ += 4;
  ++levels_;
}

void ChunkWriter::add_int64(std::int64_t value) {
  add_wide(static_cast<std::uint64_t>(value));
  page_range_.add(value);
}

void ChunkWriter::add_float64(double value) {
  add_wide(std::bit_cast<std::uint64_t>(value));
  page_range_.add(value);
}

void ChunkWriter::add_wide(std::uint64_t bits) {
  if (layout_.max_definition > 0) definition_.append(1, 1);
  append_u32(values_, static_cast<std::uint32_t>(bits));
  append_u32(values_, static_cast<std::uint32_t>(bits >> 32U));
  raw_bytes_ += sizeof bits;
  ++levels_;
}

// PLAIN booleans are bits, the first in the lowest.
void ChunkWriter::add_boolean(bool value) {
  if (layout_.max_definition > 0) definition_.append(1, 1);
  if (booleans_ % 8 == 0) values_.push_back(std::byte{0});
  if (value) values_.back() |= static_cast<std::byte>(1U << (booleans_ % 8));
  page_range_.add(value);
  ++booleans_;
  ++raw_bytes_;
  ++levels_;
}

// Elements wait as they came and are rearranged page by page: split, or turned into indices.
void ChunkWriter::add_vectors(std::span<const std::byte> vectors, std::size_t count,
                              std::size_t dims, bool single) {
  check_size(vectors.size(), layout_.path);
  // The buffer may become a page: it shall be no larger than one.
  if (layout_.packing == Packing::none) values_.reserve(kPageBytes + vectors.size());
  append(values_, vectors);
  raw_bytes_ += vectors.size();
  add_levels(count, dims, single);
}

void ChunkWriter::add_strings(std::span<const std::string_view> values) {
  std::size_t bytes = 0;
  for (const std::string_view value : values) bytes += value.size() + 4;
  check_size(bytes, layout_.path);
  for (const std::string_view value : values) {
    append_u32(values_, static_cast<std::uint32_t>(value.size()));
    append(values_, as_bytes(value));
  }
  raw_bytes_ += bytes;
  add_levels(values.size(), 1, false);
}

// Dremel levels. The repetition level says at which list a value continues (0 = a new row); the
// definition level, how many of the lists around it are there (less than the maximum = empty).
void ChunkWriter::add_levels(std::size_t count, std::size_t dims, bool single) {
  const std::uint8_t depth = layout_.max_repetition;
  const std::size_t per_vector = depth == (single ? 0 : 1) ? 1 : dims;
  levels_ += count == 0 ? 1 : count * per_vector;
  if (depth == 0) return;
  if (count == 0) {
    repetition_.append(0, 1);
    definition_.append(0, 1);
    return;
  }
  definition_.append(depth, count * per_vector);
  for (std::size_t v = 0; v < count; ++v) {
    repetition_.append(v == 0 ? 0 : 1, 1);
    repetition_.append(depth, per_vector - 1);
  }
}

// Levels count too: a page of many empty lists has no bytes, but must end.
void ChunkWriter::end_row(PageCodec& codec) {
  ++page_rows_;
  if (values_.size() >= kPageBytes || levels_ >= kPageBytes) close_page(codec);
}

void ChunkWriter::append_levels(RunEncoder& levels) {
  const auto bytes = levels.finish();
  append_u32(page_, static_cast<std::uint32_t>(bytes.size()));
  append(page_, bytes);
}

// An int8 v is entry v + 128 of the dictionary; the 8-bit indices form one bit-packed run.
void ChunkWriter::encode_indices() {
  const std::size_t groups = (values_.size() + 7) / 8;
  page_.push_back(std::byte{8});
  if (groups == 0) return;  // nothing but empty lists
  append_varint(page_, groups << 1 | 1);
  const std::size_t start = page_.size();
  page_.resize(start + groups * 8);
  for (std::size_t i = 0; i < values_.size(); ++i) page_[start + i] = values_[i] ^ std::byte{0x80};
}

// Data page v1: repetition levels, definition levels, values; all of it is compressed together.
void ChunkWriter::encode_levels() {
  page_.clear();
  if (layout_.max_repetition > 0) append_levels(repetition_);
  if (layout_.max_definition > 0) append_levels(definition_);
}

void ChunkWriter::encode_values() {
  if (layout_.encoding == Encoding::byte_stream_split) {
    const std::size_t start = page_.size();
    page_.resize(start + values_.size());
    split_bytes(values_, element_width(layout_), std::span(page_).subspan(start));
  } else if (has_dictionary()) {
    encode_indices();
  } else {
    append(page_, values_);
  }
}

/// A page of `bytes` in the file, with its header for a head.
PageStore::Page& ChunkWriter::add_page(PageHeader header, std::size_t raw_bytes,
                                       std::size_t bytes) {
  header.uncompressed_size = static_cast<std::int32_t>(raw_bytes);
  header.compressed_size = static_cast<std::int32_t>(bytes);
  PageStore::Page& page = pages_.add();
  write_page_header(header, page.head);
  uncompressed_ += static_cast<std::int64_t>(page.head.size() + raw_bytes);
  return page;
}

/// Puts page_. Returns how many bytes it takes in the file.
std::size_t ChunkWriter::put_page(PageCodec& codec, PageType type, Encoding encoding,
                                  std::size_t values) {
  const auto packed = codec.compress(page_, layout_.packing);
  PageHeader header;
  header.type = type;
  header.crc = page_crc(packed);
  header.values = static_cast<std::int32_t>(values);
  header.encoding = encoding;
  PageStore::Page& page = add_page(header, page_.size(), packed.size());
  // Rounded up, so that a page that is a little larger than the last one here still fits.
  constexpr std::size_t kStep = std::size_t{32} << 10U;
  if (packed.size() > page.body.capacity()) {
    page.body.reserve((packed.size() + kStep - 1) / kStep * kStep);
  }
  append(page.body, packed);
  return page.size();
}

/// Puts the levels in page_ and the values, which are stored as they are: vectors mostly, and most
/// of the file, so that they are not copied again.
std::size_t ChunkWriter::put_values() {
  PageHeader header;
  header.type = PageType::data;
  header.crc = page_crc(values_, page_crc(page_));
  header.values = static_cast<std::int32_t>(levels_);
  header.encoding = Encoding::plain;
  const std::size_t bytes = page_.size() + values_.size();
  PageStore::Page& page = add_page(header, bytes, bytes);
  append(page.head, page_);
  page.body.swap(values_);
  return page.size();
}

// Always all 256 values in order: the indices need no look-up, and equal rows give equal bytes.
void ChunkWriter::put_dictionary(PageCodec& codec) {
  page_.clear();
  for (std::int32_t v = -128; v < 128; ++v) append_u32(page_, static_cast<std::uint32_t>(v));
  put_page(codec, PageType::dictionary, Encoding::plain, 256);
  dictionary_size_ = pages_.bytes();
}

void ChunkWriter::close_page(PageCodec& codec) {
  if (has_dictionary() && pages_.empty()) put_dictionary(codec);
  encode_levels();
  std::size_t bytes = 0;
  if (layout_.packing == Packing::none && layout_.encoding == Encoding::plain) {
    bytes = put_values();
  } else {
    encode_values();
    bytes = put_page(codec, PageType::data, layout_.encoding, levels_);
  }
  index_.add(page_rows_, static_cast<std::int32_t>(bytes), page_range_);
  chunk_range_.merge(page_range_);
  page_range_ = {};
  page_rows_ = 0;
  total_levels_ += static_cast<std::int64_t>(levels_);
  values_.clear();
  repetition_.clear();
  definition_.clear();
  levels_ = 0;
  booleans_ = 0;
}

// The dictionary page, where there is one, is the chunk's first; its size tells where data begin.
ChunkMeta ChunkWriter::flush(PageCodec& codec, std::uint64_t offset, ByteSink& out) {
  if (levels_ > 0) close_page(codec);
  ChunkMeta meta;
  meta.type = layout_.type;
  meta.encodings = {layout_.encoding};
  if (has_dictionary()) meta.encodings.push_back(Encoding::plain);
  if (layout_.max_definition > 0) meta.encodings.push_back(Encoding::rle);
  meta.path = layout_.path;
  meta.values = total_levels_;
  meta.uncompressed_size = uncompressed_;
  meta.compressed_size = static_cast<std::int64_t>(pages_.bytes());
  meta.data_offset = static_cast<std::int64_t>(offset + dictionary_size_);
  if (has_dictionary()) meta.dictionary_offset = static_cast<std::int64_t>(offset);
  meta.codec = codec_of(layout_.packing);
  if (layout_.searched) meta.statistics = chunk_range_.statistics();
  pages_.write(out);
  return meta;
}

void ChunkWriter::clear() {
  pages_.clear();
  index_.clear();
  bloom_.clear();
  page_range_ = chunk_range_ = {};
  page_rows_ = 0;
  values_.clear();
  repetition_.clear();
  definition_.clear();
  levels_ = 0;
  booleans_ = 0;
  raw_bytes_ = 0;
  dictionary_size_ = 0;
  total_levels_ = 0;
  uncompressed_ = 0;
}

}  // namespace embedtool::parquet
