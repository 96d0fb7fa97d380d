#include "formats/parquet/parquet_chunk_writer.hpp"

#include <bit>
#include <utility>

#include "core/base/error.hpp"

namespace embedtool::parquet {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

void check_size(std::size_t bytes, const std::vector<std::string>& path) {
  if (bytes <= kMaxValueBytes) return;
  throw Error(ExitCode::failed,
              "a value of column '{}' takes {} bytes, more than the {} that fit in a Parquet page; "
              "shorten the texts (--max-length) or remove the field from --keep",
              path.front(), bytes, kMaxValueBytes);
}

}  // namespace

Page& PageStore::add(const ColumnLayout& layout) {
  if (used_ == pages_.size()) pages_.emplace_back(layout);
  Page& page = pages_[used_++];
  page.clear();
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

ChunkWriter::ChunkWriter(ColumnLayout layout) : layout_(std::move(layout)), open_(layout_) {}

void ChunkWriter::add_bytes(std::string_view value) {
  check_size(value.size(), layout_.path);
  if (layout_.max_definition > 0) open_.definition.append(1, 1);
  append_u32(open_.values, static_cast<std::uint32_t>(value.size()));
  append(open_.values, as_bytes(value));
  if (layout_.searched) open_.range.add(value);
  if (layout_.looked_up) bloom_.add(value);
  raw_bytes_ += value.size() + 4;
  ++open_.levels;
}

void ChunkWriter::add_null() {
  open_.definition.append(0, 1);
  open_.range.add_null();
  ++open_.levels;
}

void ChunkWriter::add_fixed(std::span<const std::byte> value) {
  append(open_.values, value);
  raw_bytes_ += value.size();
  ++open_.levels;
}

void ChunkWriter::add_int32(std::int32_t value) {
  if (layout_.max_definition > 0) open_.definition.append(1, 1);
  append_u32(open_.values, static_cast<std::uint32_t>(value));
  open_.range.add(value);
  raw_bytes_ += 4;
  ++open_.levels;
}

void ChunkWriter::add_int64(std::int64_t value) {
  add_wide(static_cast<std::uint64_t>(value));
  open_.range.add(value);
}

void ChunkWriter::add_float64(double value) {
  add_wide(std::bit_cast<std::uint64_t>(value));
  open_.range.add(value);
}

void ChunkWriter::add_wide(std::uint64_t bits) {
  if (layout_.max_definition > 0) open_.definition.append(1, 1);
  append_u32(open_.values, static_cast<std::uint32_t>(bits));
  append_u32(open_.values, static_cast<std::uint32_t>(bits >> 32U));
  raw_bytes_ += sizeof bits;
  ++open_.levels;
}

// PLAIN booleans are bits, the first in the lowest.
void ChunkWriter::add_boolean(bool value) {
  if (layout_.max_definition > 0) open_.definition.append(1, 1);
  if (open_.booleans % 8 == 0) open_.values.push_back(std::byte{0});
  if (value) open_.values.back() |= static_cast<std::byte>(1U << (open_.booleans % 8));
  open_.range.add(value);
  ++open_.booleans;
  ++raw_bytes_;
  ++open_.levels;
}

// Elements wait as they came and are rearranged page by page: split, or turned into indices.
void ChunkWriter::add_vectors(std::span<const std::byte> vectors, std::size_t count,
                              std::size_t dims, bool single) {
  check_size(vectors.size(), layout_.path);
  // The buffer may become a page: it shall be no larger than one.
  if (layout_.packing == Packing::none) open_.values.reserve(kPageBytes + vectors.size());
  append(open_.values, vectors);
  raw_bytes_ += vectors.size();
  add_levels(count, dims, single);
}

void ChunkWriter::add_strings(std::span<const std::string_view> values) {
  std::size_t bytes = 0;
  for (const std::string_view value : values) bytes += value.size() + 4;
  check_size(bytes, layout_.path);
  for (const std::string_view value : values) {
    append_u32(open_.values, static_cast<std::uint32_t>(value.size()));
    append(open_.values, as_bytes(value));
  }
  raw_bytes_ += bytes;
  add_levels(values.size(), 1, false);
}

// Dremel levels. The repetition level says at which list a value continues (0 = a new row); the
// definition level, how many of the lists around it are there (less than the maximum = empty).
void ChunkWriter::add_levels(std::size_t count, std::size_t dims, bool single) {
  const std::uint8_t depth = layout_.max_repetition;
  const std::size_t per_vector = depth == (single ? 0 : 1) ? 1 : dims;
  open_.levels += count == 0 ? 1 : count * per_vector;
  if (depth == 0) return;
  if (count == 0) {
    open_.repetition.append(0, 1);
    open_.definition.append(0, 1);
    return;
  }
  open_.definition.append(depth, count * per_vector);
  for (std::size_t v = 0; v < count; ++v) {
    open_.repetition.append(v == 0 ? 0 : 1, 1);
    open_.repetition.append(depth, per_vector - 1);
  }
}

// Levels count too: a page of many empty lists has no bytes, but must end.
void ChunkWriter::end_row(PagePress& press) {
  ++open_.rows;
  if (open_.values.size() >= kPageBytes || open_.levels >= kPageBytes) close_page(press);
}

// Always all 256 values in order: the indices need no look-up, and equal rows give equal bytes.
void ChunkWriter::put_dictionary(PagePress& press) {
  constexpr int kValues = 256;
  std::vector<std::byte> values;
  for (std::int32_t v = 0; v < kValues; ++v) {
    append_u32(values, static_cast<std::uint32_t>(v - kValues / 2));
  }
  press.press_dictionary(values, kValues, layout_, pages_.add(layout_));
}

void ChunkWriter::close_page(PagePress& press) {
  if (has_dictionary() && pages_.count() == 0) put_dictionary(press);
  Page& page = pages_.add(layout_);
  std::swap(page, open_);
  press.press(page, layout_);
  if (open_.values.capacity() == 0) open_.values = press.spare_buffer();
}

void ChunkWriter::end_chunk(PagePress& press) {
  if (open_.levels > 0) close_page(press);
}

// The dictionary page, where there is one, is the chunk's first; its size tells where data begin.
ChunkMeta ChunkWriter::meta(std::uint64_t offset) const {
  ChunkMeta meta;
  meta.type = layout_.type;
  meta.encodings = {layout_.encoding};
  if (has_dictionary()) meta.encodings.push_back(Encoding::plain);
  if (layout_.max_definition > 0) meta.encodings.push_back(Encoding::rle);
  meta.path = layout_.path;
  meta.codec = codec_of(layout_.packing);
  meta.compressed_size = static_cast<std::int64_t>(pages_.bytes());
  meta.data_offset = static_cast<std::int64_t>(offset);
  ValueRange range;
  for (std::size_t i = 0; i < pages_.count(); ++i) {
    const Page& page = pages_[i];
    meta.values += static_cast<std::int64_t>(page.levels);
    meta.uncompressed_size += static_cast<std::int64_t>(page.raw_bytes);
    range.merge(page.range);
    if (!is_dictionary(i)) continue;
    meta.dictionary_offset = static_cast<std::int64_t>(offset);
    meta.data_offset += static_cast<std::int64_t>(page.size());
  }
  if (layout_.searched) meta.statistics = range.statistics();
  return meta;
}

PageIndex ChunkWriter::page_index() const {
  PageIndex index;
  for (std::size_t i = 0; i < pages_.count(); ++i) {
    const Page& page = pages_[i];
    if (is_dictionary(i)) continue;
    index.add(page.rows, static_cast<std::int32_t>(page.size()), page.range);
  }
  return index;
}

ChunkMeta ChunkWriter::write(std::uint64_t offset, ByteSink& out) const {
  pages_.write(out);
  return meta(offset);
}

void ChunkWriter::clear() {
  pages_.clear();
  bloom_.clear();
  open_.clear();
  raw_bytes_ = 0;
}

}  // namespace embedtool::parquet
