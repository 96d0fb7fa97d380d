#include "formats/parquet/parquet_chunk_reader.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "formats/io/damaged.hpp"

namespace embedtool::parquet {

void ChunkReader::open(const ChunkMeta& meta, const RandomBytes& in, PageCodec& codec) {
  pages_.open(meta, in, codec);
  levels_left_in_chunk_ = static_cast<std::uint64_t>(meta.values);
  levels_left_ = 0;
  values_ = {};
  at_ = 0;
  peeked_.reset();
  if (has_dictionary() && levels_left_in_chunk_ > 0) load_dictionary();
}

const PageHeader& ChunkReader::read_page() {
  const PageHeader& header = pages_.next(layout_.encoding == Encoding::plain ? 1 : 2);
  require(header.crc.has_value(), "a page has no CRC");
  return header;
}

void ChunkReader::load_dictionary() {
  const PageHeader header = read_page();
  const auto page = pages_.body();
  bool ours = header.type == PageType::dictionary && header.encoding == Encoding::plain &&
              header.values == 256 && page.size() == 1024;
  for (std::size_t i = 0; ours && i < 256; ++i) {
    ours = load_u32(&page[i * 4]) == static_cast<std::uint32_t>(static_cast<std::int32_t>(i) - 128);
  }
  require(ours, "a dictionary was not written by embedtool");
}

void ChunkReader::load_page() {
  require_page_used();
  const PageHeader header = read_page();
  require(header.type == PageType::data, "a page of another kind where a data page should be");
  require(header.values > 0 && static_cast<std::uint64_t>(header.values) <= levels_left_in_chunk_,
          "a page has more values than its column");
  levels_left_ = static_cast<std::size_t>(header.values);
  levels_left_in_chunk_ -= levels_left_;
  decode_page(header.encoding);
}

void ChunkReader::require_page_used() const {
  if (layout_.type == Physical::boolean) {
    return require(values_.size() == (at_ + 7) / 8, "a page of booleans has a wrong length");
  }
  // The last packed group of indices may be padded to 8.
  const std::size_t rest = values_.size() - at_;
  require(has_dictionary() ? rest < 8 : rest == 0, "a page has more values than levels");
}

void ChunkReader::decode_page(Encoding encoding) {
  require(encoding == layout_.encoding, "a page's encoding differs from its column's");
  const PageReader::Parts parts = pages_.parts(layout_.max_repetition, layout_.max_definition);
  peeked_.reset();
  repetition_ = parts.repetition;
  definition_ = parts.definition;
  const auto values = parts.values;
  at_ = 0;
  if (encoding == Encoding::byte_stream_split) {
    require(values.size() % element_size() == 0, "a page of numbers has a wrong length");
    plain_.resize(values.size());
    join_bytes(values, element_size(), plain_);
    values_ = plain_;
  } else if (encoding == Encoding::rle_dictionary) {
    decode_indices(values);
  } else {
    values_ = values;
  }
  // Of a column with nulls, only reading it tells how many values there should be.
  if (layout_.type == Physical::boolean && layout_.max_definition == 0) {
    require(values_.size() == (levels_left_ + 7) / 8, "a page of booleans has a wrong length");
  }
}

// One bit-packed run of 8-bit indices, as ChunkWriter writes them; the last group may be padded.
void ChunkReader::decode_indices(std::span<const std::byte> values) {
  require(!values.empty() && values[0] == std::byte{8}, "indices are not 8 bits wide");
  plain_.clear();
  values_ = plain_;
  if (values.size() == 1) return;  // a page of empty lists
  std::size_t position = 1;
  const std::uint64_t header = read_varint(values, position);
  const std::size_t stored = values.size() - position;
  require((header & 1) == 1 && header >> 1 <= stored && (header >> 1) * 8 == stored,
          "indices are not one packed run");
  plain_.resize(stored);
  for (std::size_t i = 0; i < stored; ++i) plain_[i] = values[position + i] ^ std::byte{0x80};
  values_ = plain_;
}

void ChunkReader::start_value() {
  if (levels_left_ == 0) load_page();
  --levels_left_;
}

std::span<const std::byte> ChunkReader::take(std::size_t size) {
  require(size <= values_.size() - at_, "a page ends early");
  const auto view = values_.subspan(at_, size);
  at_ += size;
  return view;
}

// Each of the following takes one value of one row: a level or two, then bytes within bounds.
std::string_view ChunkReader::take_bytes() {
  const std::size_t size = load_u32(take(4).data());
  const auto view = take(size);
  return {reinterpret_cast<const char*>(view.data()), view.size()};
}

std::string_view ChunkReader::bytes() {
  start_value();
  return take_bytes();
}

/// Whether there is a value.
bool ChunkReader::start_optional() {
  start_value();
  const std::uint32_t level = definition_.next();
  require(level <= 1, "a level is out of range");
  return level == 1;
}

std::optional<std::string_view> ChunkReader::optional_bytes() {
  if (!start_optional()) return std::nullopt;
  return take_bytes();
}

std::span<const std::byte> ChunkReader::fixed() {
  start_value();
  return take(static_cast<std::size_t>(layout_.type_length));
}

std::int32_t ChunkReader::int32() {
  start_value();
  return static_cast<std::int32_t>(load_u32(take(4).data()));
}

std::uint64_t ChunkReader::take_wide() {
  const auto bytes = take(sizeof(std::uint64_t));
  return load_u32(bytes.data()) | std::uint64_t{load_u32(bytes.data() + 4)} << 32U;
}

std::optional<std::int64_t> ChunkReader::optional_int64() {
  if (!start_optional()) return std::nullopt;
  return static_cast<std::int64_t>(take_wide());
}

std::optional<double> ChunkReader::optional_float64() {
  if (!start_optional()) return std::nullopt;
  return std::bit_cast<double>(take_wide());
}

std::optional<bool> ChunkReader::optional_boolean() {
  if (!start_optional()) return std::nullopt;
  return take_bit();
}

bool ChunkReader::boolean() {
  start_value();
  return take_bit();
}

bool ChunkReader::take_bit() {
  require(at_ / 8 < values_.size(), "a page ends early");
  const auto byte = std::to_integer<unsigned>(values_[at_ / 8]);
  const bool value = ((byte >> (at_ % 8)) & 1U) != 0;
  ++at_;
  return value;
}

std::uint32_t ChunkReader::peek_repetition() {
  if (!peeked_) peeked_ = repetition_.next();
  return *peeked_;
}

std::size_t ChunkReader::element_size() const {
  if (layout_.type == Physical::fixed) return static_cast<std::size_t>(layout_.type_length);
  if (layout_.type == Physical::int64 || layout_.type == Physical::float64) return 8;
  return has_dictionary() ? 1 : 4;
}

// Walks the levels of one row (see ChunkWriter::add_levels) and takes its elements in one piece.
std::size_t ChunkReader::vectors(std::vector<std::byte>& out, std::size_t dims, bool single) {
  const std::uint8_t depth = layout_.max_repetition;
  if (single && depth == 1) return take_single(out, dims);
  const std::size_t per_vector = depth == (single ? 0 : 1) ? 1 : dims;
  std::size_t elements = 1;
  start_value();
  // Levels can claim billions of elements in a few bytes; the values say how many there can be.
  const std::size_t available = (values_.size() - at_) / element_size();
  if (depth > 0) {
    require(peek_repetition() == 0, "a row starts inside a list");
    peeked_.reset();
    const std::uint32_t level = definition_.next();
    if (!single && level == 0) return 0;
    require(level == depth, "a list is empty but must not be");
    while (levels_left_ > 0 && peek_repetition() != 0) {
      const std::uint8_t expected = elements % per_vector == 0 ? 1 : depth;
      require(*peeked_ == expected, "a vector has the wrong number of elements");
      require(definition_.next() == depth, "a list is empty but must not be");
      require(elements < available, "a page ends early");
      peeked_.reset();
      --levels_left_;
      ++elements;
    }
    require(elements % per_vector == 0, "a vector has the wrong number of elements");
  }
  const std::size_t count = elements / per_vector;
  require(!single || count == 1, "a row has more than one vector");
  const auto bytes = take(elements * element_size());
  out.insert(out.end(), bytes.begin(), bytes.end());
  return count;
}

/// A row that is one list of `dims` elements: most rows by far, whose levels come in long runs.
std::size_t ChunkReader::take_single(std::vector<std::byte>& out, std::size_t dims) {
  start_value();
  require(levels_left_ >= dims - 1, "a vector has the wrong number of elements");
  levels_left_ -= dims - 1;
  require(repetition_.next() == 0, "a row starts inside a list");
  require(repetition_.take(1, dims - 1), "a vector has the wrong number of elements");
  require(definition_.take(1, dims), "a list is empty but must not be");
  const auto bytes = take(dims * element_size());
  out.insert(out.end(), bytes.begin(), bytes.end());
  return 1;
}

void ChunkReader::skip(std::uint64_t rows, std::size_t dims, bool single) {
  const std::size_t elements = !single ? 0 : layout_.max_repetition == 0 ? 1 : dims;
  while (rows > 0) {
    if (levels_left_ == 0 && skip_page(rows, elements)) continue;
    skip_row(dims, single);
    --rows;
  }
}

/// Passes over a page whose rows are all to be skipped, if its header tells how many it has.
bool ChunkReader::skip_page(std::uint64_t& rows, std::size_t elements) {
  if (elements == 0 || levels_left_in_chunk_ == 0) return false;
  require_page_used();
  const PageHeader& header = pages_.peek();
  const auto values = static_cast<std::uint64_t>(std::max(header.values, 0));
  if (header.type != PageType::data || values == 0 || values % elements != 0) return false;
  if (values / elements > rows || values > levels_left_in_chunk_) return false;
  pages_.pass();
  levels_left_in_chunk_ -= values;
  rows -= values / elements;
  values_ = {};
  at_ = 0;
  return true;
}

void ChunkReader::skip_row(std::size_t dims, bool single) {
  if (layout_.max_repetition > 0) {
    skipped_.clear();
    if (layout_.type == Physical::byte_array) {
      strings(skipped_names_);
    } else {
      vectors(skipped_, dims, single);
    }
    return;
  }
  if (layout_.max_definition > 0) {
    if (!start_optional()) return;
  } else {
    start_value();
  }
  if (layout_.type == Physical::byte_array) {
    take_bytes();
  } else if (layout_.type == Physical::boolean) {
    take_bit();
  } else {
    take(element_size());
  }
}

// The same walk over a list of strings; every element takes bytes of the page, which bounds it.
void ChunkReader::strings(std::vector<std::string_view>& out) {
  out.clear();
  start_value();
  require(peek_repetition() == 0, "a row starts inside a list");
  peeked_.reset();
  const std::uint32_t level = definition_.next();
  if (level == 0) return;
  while (true) {
    out.push_back(take_bytes());
    if (levels_left_ == 0 || peek_repetition() == 0) return;
    require(*peeked_ == 1 && definition_.next() == 1, "a list is empty but must not be");
    peeked_.reset();
    --levels_left_;
  }
}

// With this, a chunk's values, levels and pages have all been used exactly.
void ChunkReader::expect_end() const {
  require_page_used();
  require(levels_left_ == 0 && levels_left_in_chunk_ == 0 && pages_.ended(),
          "a column has more values than rows");
}

}  // namespace embedtool::parquet
