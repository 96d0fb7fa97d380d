#include "formats/arrow/arrow_rows.hpp"

#include <arrow_wire_generated.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/base/human.hpp"
#include "formats/arrow/arrow_wire.hpp"
#include "formats/io/bytes_unpack.hpp"
#include "formats/io/damaged.hpp"
#include "formats/io/json_text.hpp"

namespace embedtool::arrow {
namespace {

constexpr std::string_view kMagic = "ARROW1";
constexpr std::size_t kMagicBytes = 8;  ///< with its padding
constexpr std::uint32_t kContinuation = 0xffffffff;
/// A schema takes some 200 bytes a column, a batch 32 a buffer.
constexpr std::size_t kMaxHeader = std::size_t{64} << 20;
/// A buffer that is read grows by what arrives, from so many bytes on.
constexpr std::size_t kFirstReserve = std::size_t{16} << 20;

std::uint32_t load_u32(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

flatbuffers::Verifier verifier_of(const std::vector<std::byte>& bytes) {
  constexpr flatbuffers::uoffset_t kMaxDepth = 128;
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), kMaxDepth};
}

const wire::Message& message_in(const std::vector<std::byte>& header) {
  return *wire::GetMessage(header.data());
}

}  // namespace

/// Appends up to `size` bytes to taken_. False when blocked before they are there.
bool ArrowRows::take(Wait wait, std::size_t size) {
  if (file_) {
    require(position_ <= file_->size() && size - taken_.size() <= file_->size() - position_,
            "a message reaches past the end of the file");
    const std::size_t start = taken_.size();
    taken_.resize(size);
    file_->read_at(position_, std::span(taken_).subspan(start));
    position_ += size - start;
    return true;
  }
  while (taken_.size() < size) {
    const std::string_view view = window_.view();
    if (view.empty()) {
      const auto got = window_.fill(wait);
      if (got == ByteWindow::Fill::blocked) return false;
      require(got != ByteWindow::Fill::end, "it ends in the middle of a message");
      continue;
    }
    const std::size_t some = std::min(view.size(), size - taken_.size());
    const auto* bytes = reinterpret_cast<const std::byte*>(view.data());
    taken_.insert(taken_.end(), bytes, bytes + some);
    window_.consume(some);
  }
  return true;
}

/// Passes over `size` bytes at most, and takes what it passed over off body_left_. False when
/// blocked.
bool ArrowRows::skip(Wait wait, std::uint64_t size) {
  if (file_) {
    position_ += size;
  } else {
    if (window_.view().empty()) {
      const auto got = window_.fill(wait);
      if (got == ByteWindow::Fill::blocked) return false;
      require(got != ByteWindow::Fill::end, "it ends in the middle of a message");
    }
    size = std::min<std::uint64_t>(window_.view().size(), size);
    window_.consume(static_cast<std::size_t>(size));
  }
  body_at_ += size;
  body_left_ -= size;
  return true;
}

/// The index at a file's end: the schema, and where the messages are.
void ArrowRows::open_file() {
  constexpr std::size_t kTail = 10;  // the footer's size, and the magic number
  const std::uint64_t size = file_->size();
  require(size >= kMagicBytes + kTail, "it is too short");
  std::array<std::byte, kTail> tail;
  file_->read_at(size - kTail, tail);
  require(std::memcmp(tail.data() + 4, kMagic.data(), kMagic.size()) == 0, "its end is missing");
  const std::uint64_t length = load_u32(tail);
  require(length <= size - kMagicBytes - kTail, "its footer is longer than the file");
  if (length > kMaxHeader) throw Unsupported("its footer is larger than 64 MiB");
  header_.resize(static_cast<std::size_t>(length));
  file_->read_at(size - kTail - length, header_);
  auto verifier = verifier_of(header_);
  require(verifier.VerifyBuffer<wire::Footer>(nullptr), "its footer is damaged");
  const auto& footer = *flatbuffers::GetRoot<wire::Footer>(header_.data());
  require(footer.schema() != nullptr, "it has no schema");
  schema_ = read_schema(*footer.schema());
  has_schema_ = true;
  for (const auto* blocks : {footer.dictionaries(), footer.batches()}) {
    if (blocks == nullptr) continue;
    for (std::size_t i = 0; i < blocks->size(); ++i) {
      const std::int64_t offset = element_of<wire::Block>(*blocks, i).offset();
      require(offset >= 0, "a message has a negative position");
      blocks_.push_back(static_cast<std::uint64_t>(offset));
    }
  }
  next_block();
}

void ArrowRows::next_block() {
  stage_ = next_block_ == blocks_.size() ? Stage::done : Stage::size;
  position_ = stage_ == Stage::done ? file_->size() : blocks_[next_block_++];
}

/// A message begins with a mark and the size of its header; before version 0.15 of Arrow without
/// the mark. Size 0 ends the stream, and so does the end of the bytes.
bool ArrowRows::read_size(Wait wait) {
  if (!file_ && taken_.empty() && window_.view().empty()) {
    const auto got = window_.fill(wait);
    if (got == ByteWindow::Fill::blocked) return false;
    if (got == ByteWindow::Fill::end) {
      require(has_schema_ && !is_file_, "it ends before its end is said");
      stage_ = Stage::done;
      return true;
    }
  }
  if (!take(wait, 4)) return false;
  const bool marked = load_u32(taken_) == kContinuation;
  if (!marked && is_file_ && !has_schema_) {
    throw Unsupported(
        "its schema has no size (polars writes such files), so that it can be read by "
        "its index only, neither from a pipe nor compressed as a whole");
  }
  if (marked && !take(wait, 8)) return false;
  header_size_ = load_u32(std::span<const std::byte>(taken_).subspan(marked ? 4 : 0));
  taken_.clear();
  if (header_size_ > kMaxHeader) throw Unsupported("a message's header is larger than 64 MiB");
  require(!file_ || header_size_ > 0, "a message is empty");
  stage_ = header_size_ == 0 ? Stage::rest : Stage::header;
  return true;
}

bool ArrowRows::read_header(Wait wait) {
  if (!take(wait, header_size_)) return false;
  header_.swap(taken_);
  taken_.clear();
  auto verifier = verifier_of(header_);
  require(wire::VerifyMessageBuffer(verifier), "a message's header is damaged");
  const wire::Message& message = message_in(header_);
  require(message.body() >= 0, "a message has a negative size");
  body_left_ = static_cast<std::uint64_t>(message.body());
  body_at_ = 0;
  version_ = message.version();
  plan_.reset();
  begin_body();
  stage_ = Stage::body;
  return true;
}

/// Finds out what of the message's body is needed.
void ArrowRows::begin_body() {
  const wire::Message& message = message_in(header_);
  if (const wire::Schema* schema = message.header_as_Schema()) {
    require(!has_schema_, "it has two schemas");
    if (version_ < 3) throw Unsupported("it was written before version 0.8 of Arrow");
    schema_ = read_schema(*schema);
    has_schema_ = true;
    return;
  }
  require(has_schema_, "it has no schema");
  batch_bytes_ = 0;
  buffers_.clear();
  if (const wire::RecordBatch* batch = message.header_as_RecordBatch()) {
    arrays_.clear();
    batch_.clear();
    is_dictionary_ = false;
    plan_ = std::make_unique<BatchPlan>(*batch, schema_, wanted_, version_);
  } else if (const wire::DictionaryBatch* dictionary = message.header_as_DictionaryBatch()) {
    require(dictionary->data() != nullptr, "a dictionary has no values");
    is_dictionary_ = true;
    is_delta_ = dictionary->delta();
    dictionary_ = dictionary->id();
    for (std::size_t id = 0; id < schema_.layouts.size() && !plan_; ++id) {
      const NodeLayout& layout = schema_.layouts[id];
      if (!wanted_[id] || !layout.is_dictionary || layout.dictionary != dictionary_) continue;
      plan_ = std::make_unique<BatchPlan>(*dictionary->data(), layout.values, layout.value_width);
    }
  }
  if (!plan_) return;
  for (const BufferPlace& place : plan_->places()) {
    require(place.offset <= body_left_ && place.size <= body_left_ - place.offset,
            "a buffer reaches past its message");
  }
  charge(0);
}

void ArrowRows::charge(std::size_t bytes) {
  batch_bytes_ += bytes;
  if (batch_bytes_ > most_bytes_ || dictionary_bytes_ > most_bytes_ - batch_bytes_) {
    throw TooLarge(
        fmt::format("the columns of one of its record batches take more than {} of memory",
                    human_bytes(most_bytes_)));
  }
}

/// Reads the wanted buffers and passes over what is between them.
bool ArrowRows::read_body(Wait wait) {
  while (body_left_ > 0) {
    const std::size_t at = buffers_.size();
    const auto places = plan_ ? plan_->places() : std::span<const BufferPlace>();
    const bool more = at < places.size();
    if (more && body_at_ == places[at].offset) {
      const auto size = static_cast<std::size_t>(places[at].size);
      if (taken_.empty()) {
        charge(size);
        taken_.reserve(std::min(size, kFirstReserve));
      }
      if (!take(wait, size)) return false;
      body_at_ += size;
      body_left_ -= size;
      buffers_.emplace_back().swap(taken_);
      unpack_buffer();
      continue;
    }
    if (!skip(wait, more ? places[at].offset - body_at_ : body_left_)) return false;
  }
  finish_body();
  stage_ = Stage::size;
  if (file_) next_block();
  return true;
}

/// A compressed buffer begins with its unpacked size; -1: it is not compressed after all.
void ArrowRows::unpack_buffer() {
  if (plan_->packing() == BatchPlan::Packing::none) return;
  std::vector<std::byte>& buffer = buffers_.back();
  require(buffer.size() >= 8, "a compressed buffer has no size");
  std::int64_t size = 0;
  std::memcpy(&size, buffer.data(), sizeof size);
  const auto packed = std::span<const std::byte>(buffer).subspan(8);
  if (size == -1) {
    buffer.erase(buffer.begin(), buffer.begin() + 8);
    return;
  }
  require(size >= 0, "a compressed buffer has a negative size");
  if (static_cast<std::uint64_t>(size) > most_bytes_) charge(most_bytes_ + 1);
  charge(static_cast<std::size_t>(size));
  const Compression& compression = plan_->packing() == BatchPlan::Packing::lz4 ? kLz4 : kZstd;
  const std::span<const char> in(reinterpret_cast<const char*>(packed.data()), packed.size());
  std::vector<std::byte> raw;
  require(unpack_whole(compression, in, static_cast<std::size_t>(size), raw),
          "a buffer cannot be decompressed");
  buffer.swap(raw);
}

void ArrowRows::finish_body() {
  if (!plan_) return;
  if (!is_dictionary_) {
    arrays_ = plan_->arrays(buffers_);
    batch_.swap(buffers_);
    rows_ = plan_->rows();
    row_ = 0;
    return;
  }
  Dictionary& dictionary = dictionaries_[dictionary_];
  if (!is_delta_) dictionary.parts.clear();
  Dictionary::Part& part = dictionary.parts.emplace_back();
  part.values = std::move(plan_->arrays(buffers_).front());
  part.buffers = std::move(buffers_);
  buffers_.clear();
  dictionary_bytes_ += batch_bytes_;
  batch_bytes_ = 0;
}

/// Behind the end: a file's index, of which only its last bytes are looked at; behind a stream,
/// nothing.
bool ArrowRows::read_rest(Wait wait) {
  while (true) {
    const std::string_view view = window_.view();
    if (!view.empty() && !is_file_) {
      throw Unsupported(
          "another stream follows the end of the first one (streams that were joined "
          "with cat)");
    }
    tail_ += view.substr(view.size() - std::min(view.size(), kMagic.size()));
    tail_.erase(0, tail_.size() - std::min(tail_.size(), kMagic.size()));
    window_.consume(view.size());
    const auto got = window_.fill(wait);
    if (got == ByteWindow::Fill::blocked) return false;
    if (got == ByteWindow::Fill::end) break;
  }
  require(!is_file_ || tail_ == kMagic, "its end is missing");
  stage_ = Stage::done;
  return true;
}

/// The next piece of a message. False when blocked.
bool ArrowRows::read_message(Wait wait) {
  switch (stage_) {
    case Stage::magic: {
      if (file_) {
        open_file();
        return true;
      }
      if (!take(wait, 4)) return false;
      is_file_ = std::memcmp(taken_.data(), kMagic.data(), 4) == 0;
      if (is_file_ && !take(wait, kMagicBytes)) return false;
      if (is_file_) taken_.clear();
      stage_ = Stage::size;
      return true;
    }
    case Stage::size:
      return read_size(wait);
    case Stage::header:
      return read_header(wait);
    case Stage::body:
      return read_body(wait);
    case Stage::rest:
      return read_rest(wait);
    case Stage::done:
      return true;
  }
  return true;
}

bool ArrowRows::open(Wait wait) {
  while (!has_schema_) {
    require(stage_ != Stage::rest && stage_ != Stage::done, "it has no schema");
    if (!read_message(wait)) return false;
  }
  return true;
}

void ArrowRows::select(const std::vector<bool>& wanted) {
  wanted_ = wanted;
  wanted_.resize(schema_.layouts.size());
}

bool ArrowRows::next_row(Wait wait, bool& blocked) {
  blocked = false;
  if (rows_ > 0 && row_ + 1 < rows_) {
    ++row_;
    return true;
  }
  rows_ = 0;
  while (rows_ == 0) {
    if (stage_ == Stage::done) return false;
    blocked = !read_message(wait);
    if (blocked) return false;
  }
  return true;
}

bool ArrowRows::is_null_above(const ColumnNode& node) const {
  for (std::size_t id = schema_.layouts[node.id].parent; id != 0; id = schema_.layouts[id].parent) {
    if (arrays_[id].is_null(row_)) return true;
  }
  return false;
}

bool ArrowRows::value_of(const ColumnNode& node, std::uint64_t index, std::string_view& out) const {
  const NodeLayout& layout = schema_.layouts[node.id];
  if (!layout.is_dictionary) return array(node).value(layout.layout, layout.width, index, out);
  std::string_view raw;
  if (!array(node).value(Layout::fixed, layout.width, index, raw)) return false;
  std::uint64_t number = 0;
  std::memcpy(&number, raw.data(), std::min(raw.size(), sizeof number));
  const auto known = dictionaries_.find(layout.dictionary);
  if (known == dictionaries_.end()) {
    throw Unsupported(fmt::format("column '{}' uses a dictionary that comes later", node.name));
  }
  for (const Dictionary::Part& part : known->second.parts) {
    if (number < part.values.length) {
      return part.values.value(layout.values, layout.value_width, number, out);
    }
    number -= part.values.length;
  }
  throw Damaged("a value is not in its dictionary");
}

bool ArrowRows::scalar(const ColumnNode& leaf, std::string_view& raw) {
  return !is_null_above(leaf) && value_of(leaf, row_, raw);
}

ColumnRows::Found ArrowRows::numbers(const ColumnNode& list, std::size_t most,
                                     std::vector<double>& out) {
  if (is_null_above(list) || array(list).is_null(row_)) return Found::null;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  array(list).range(schema_.layouts[list.id], row_, begin, end);
  if (end - begin > most) return Found::too_many;
  const ColumnNode& element = list.children.front();
  std::string_view raw;
  for (std::uint64_t i = begin; i < end; ++i) {
    if (!value_of(element, i, raw)) return Found::odd;
    out.push_back(number_of(element.type, raw));
  }
  return Found::numbers;
}

/// Writes a value and what is below it, found by indices.
class ArrowRows::JsonWriter {
 public:
  JsonWriter(const ArrowRows& rows, std::size_t most, std::string& out)
      : rows_(rows), most_(out.size() + most), out_(out) {}

  void write(const ColumnNode& node, std::uint64_t index) {
    if (out_.size() > most_) return;
    if (node.is_leaf()) {
      std::string_view raw;
      if (!rows_.value_of(node, index, raw)) {
        out_ += "null";
      } else {
        embedtool::append_json(out_, node.type, raw);
      }
      return;
    }
    if (rows_.array(node).is_null(index)) {
      out_ += "null";
    } else if (node.type.kind == ColumnKind::structure) {
      write_structure(node, index);
    } else {
      write_elements(node, index);
    }
  }

 private:
  void write_structure(const ColumnNode& node, std::uint64_t index) {
    out_ += '{';
    bool first = true;
    for (const ColumnNode& child : node.children) {
      if (!rows_.wanted_[child.id]) continue;
      if (!first) out_ += ',';
      first = false;
      append_json_string(out_, child.name);
      out_ += ':';
      write(child, index);
    }
    out_ += '}';
  }

  void write_elements(const ColumnNode& node, std::uint64_t index) {
    const bool map = node.type.kind == ColumnKind::map;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    rows_.array(node).range(rows_.schema_.layouts[node.id], index, begin, end);
    out_ += map ? '{' : '[';
    for (std::uint64_t i = begin; i < end && out_.size() <= most_; ++i) {
      if (i > begin) out_ += ',';
      if (map) {
        const bool quoted = is_bare(node.children[0].type.kind);
        if (quoted) out_ += '"';
        write(node.children[0], i);
        if (quoted) out_ += '"';
        out_ += ':';
      }
      write(node.children[map ? 1 : 0], i);
    }
    out_ += map ? '}' : ']';
  }

  const ArrowRows& rows_;
  std::size_t most_;
  std::string& out_;
};

void ArrowRows::append_json(const ColumnNode& column, std::size_t most, std::string& out) {
  JsonWriter(*this, most, out).write(column, row_);
}

}  // namespace embedtool::arrow
