#include "formats/parquet/thrift_compact.hpp"

#include <limits>

#include "formats/io/damaged.hpp"

namespace embedtool {
namespace {

// Parquet's deepest metadata is six structs; more is an attack on the stack.
constexpr int kMaxDepth = 16;

std::uint64_t to_zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

/// `value` as a narrower integer that must hold it.
template <typename Integer>
Integer narrowed(std::int64_t value) {
  require(
      value >= std::numeric_limits<Integer>::min() && value <= std::numeric_limits<Integer>::max(),
      "a number in the metadata is out of range");
  return static_cast<Integer>(value);
}

}  // namespace

void ThriftWriter::begin_root() {
  last_ids_.push_back(0);
}

void ThriftWriter::begin_struct(std::int16_t id) {
  field(id, ThriftType::structure);
  last_ids_.push_back(0);
}

void ThriftWriter::end_struct() {
  out_.push_back(std::byte{0});
  last_ids_.pop_back();
}

// Ids are written as steps from the last one where the step fits in 4 bits, else in full.
void ThriftWriter::field(std::int16_t id, ThriftType type) {
  const int delta = id - last_ids_.back();
  if (delta > 0 && delta <= 15) {
    out_.push_back(static_cast<std::byte>((delta << 4) | static_cast<int>(type)));
  } else {
    out_.push_back(static_cast<std::byte>(type));
    varint(to_zigzag(id));
  }
  last_ids_.back() = id;
}

void ThriftWriter::varint(std::uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<std::byte>(0x80 | (value & 0x7F)));
    value >>= 7;
  }
  out_.push_back(static_cast<std::byte>(value));
}

void ThriftWriter::bytes(std::string_view value) {
  varint(value.size());
  const auto* data = reinterpret_cast<const std::byte*>(value.data());
  out_.insert(out_.end(), data, data + value.size());
}

void ThriftWriter::i16(std::int16_t id, std::int16_t value) {
  field(id, ThriftType::i16);
  varint(to_zigzag(value));
}

void ThriftWriter::i32(std::int16_t id, std::int32_t value) {
  field(id, ThriftType::i32);
  varint(to_zigzag(value));
}

void ThriftWriter::i64(std::int16_t id, std::int64_t value) {
  field(id, ThriftType::i64);
  varint(to_zigzag(value));
}

void ThriftWriter::i8(std::int16_t id, std::int8_t value) {
  field(id, ThriftType::i8);
  out_.push_back(static_cast<std::byte>(value));
}

// A boolean's value is its type: the header says it all.
void ThriftWriter::boolean(std::int16_t id, bool value) {
  field(id, value ? ThriftType::true_value : ThriftType::false_value);
}

void ThriftWriter::string(std::int16_t id, std::string_view value) {
  field(id, ThriftType::binary);
  bytes(value);
}

void ThriftWriter::empty_struct(std::int16_t id) {
  begin_struct(id);
  end_struct();
}

void ThriftWriter::begin_list(std::int16_t id, ThriftType element, std::size_t size) {
  field(id, ThriftType::list);
  const auto type = static_cast<std::size_t>(element);
  if (size < 15) {
    out_.push_back(static_cast<std::byte>((size << 4) | type));
  } else {
    out_.push_back(static_cast<std::byte>(0xF0 | type));
    varint(size);
  }
}

void ThriftWriter::element_i32(std::int32_t value) {
  varint(to_zigzag(value));
}

void ThriftWriter::element_i64(std::int64_t value) {
  varint(to_zigzag(value));
}

void ThriftWriter::element_boolean(bool value) {
  constexpr std::byte kTrue{1};
  constexpr std::byte kFalse{2};
  out_.push_back(value ? kTrue : kFalse);
}

void ThriftWriter::element_string(std::string_view value) {
  bytes(value);
}

std::uint8_t ThriftReader::byte() {
  require(position_ < bytes_.size(), "metadata ends early");
  return static_cast<std::uint8_t>(bytes_[position_++]);
}

// At most ten bytes; what an eleventh would add does not fit.
std::uint64_t ThriftReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint8_t b = byte();
    value |= static_cast<std::uint64_t>(b & 0x7F) << shift;
    if ((b & 0x80) == 0) return value;
  }
  throw Damaged("a number in the metadata has too many bytes");
}

std::int64_t ThriftReader::zigzag() {
  const std::uint64_t v = varint();
  return static_cast<std::int64_t>((v >> 1) ^ (~(v & 1) + 1));
}

std::string_view ThriftReader::binary() {
  const std::uint64_t size = varint();
  require(size <= bytes_.size() - position_, "a string in the metadata is longer than the rest");
  const std::string_view view(reinterpret_cast<const char*>(bytes_.data()) + position_, size);
  position_ += size;
  return view;
}

void ThriftReader::begin_struct() {
  require(last_ids_.size() < static_cast<std::size_t>(kMaxDepth), "metadata nests too deep");
  last_ids_.push_back(0);
}

// The open structs' last ids are the only state: a stop byte leaves the innermost.
ThriftReader::Field ThriftReader::next_field() {
  const std::uint8_t head = byte();
  const auto type = static_cast<ThriftType>(head & 0x0F);
  if (type == ThriftType::stop) {
    last_ids_.pop_back();
    return {};
  }
  require(type <= ThriftType::structure, "unknown type in the metadata");
  const int delta = head >> 4;
  const std::int64_t id = delta != 0 ? last_ids_.back() + delta : zigzag();
  require(id > 0 && id <= std::numeric_limits<std::int16_t>::max(), "bad field id in the metadata");
  last_ids_.back() = static_cast<std::int16_t>(id);
  return {last_ids_.back(), type};
}

std::int16_t ThriftReader::i16(const Field& field) {
  require(field.type == ThriftType::i16, "a metadata field has the wrong type");
  return narrowed<std::int16_t>(zigzag());
}

std::int32_t ThriftReader::i32(const Field& field) {
  require(field.type == ThriftType::i32, "a metadata field has the wrong type");
  return element_i32();
}

std::int64_t ThriftReader::i64(const Field& field) {
  require(field.type == ThriftType::i64, "a metadata field has the wrong type");
  return zigzag();
}

std::string_view ThriftReader::string(const Field& field) {
  require(field.type == ThriftType::binary, "a metadata field has the wrong type");
  return binary();
}

bool ThriftReader::boolean(const Field& field) const {
  require(field.type == ThriftType::true_value || field.type == ThriftType::false_value,
          "a metadata field has the wrong type");
  return field.type == ThriftType::true_value;
}

std::int8_t ThriftReader::i8(const Field& field) {
  require(field.type == ThriftType::i8, "a metadata field has the wrong type");
  return static_cast<std::int8_t>(byte());
}

ThriftReader::List ThriftReader::list_header() {
  const std::uint8_t head = byte();
  List list;
  list.element = static_cast<ThriftType>(head & 0x0F);
  list.size = head >> 4;
  if (list.size == 15) {
    const std::uint64_t size = varint();
    // Every element takes at least one byte, so that a lie about the size is caught here, before
    // anybody allocates for it.
    require(size <= bytes_.size() - position_, "a list in the metadata is longer than the rest");
    list.size = size;
  }
  return list;
}

ThriftReader::List ThriftReader::list(const Field& field, ThriftType element) {
  require(field.type == ThriftType::list, "a metadata field has the wrong type");
  const List list = list_header();
  require(list.element == element || list.size == 0, "a metadata list has the wrong type");
  return list;
}

std::int32_t ThriftReader::element_i32() {
  return narrowed<std::int32_t>(zigzag());
}

std::string_view ThriftReader::element_string() {
  return binary();
}

void ThriftReader::skip(ThriftType type) {
  skip_value(type, static_cast<int>(last_ids_.size()));
}

// The recursion below is capped by kMaxDepth.
void ThriftReader::skip_value(ThriftType type, int depth) {
  require(depth < kMaxDepth, "metadata nests too deep");
  switch (type) {
    case ThriftType::true_value:
    case ThriftType::false_value:
      return;
    case ThriftType::i8:
      byte();
      return;
    case ThriftType::i16:
    case ThriftType::i32:
    case ThriftType::i64:
      varint();
      return;
    case ThriftType::real:
      require(bytes_.size() - position_ >= 8, "metadata ends early");
      position_ += 8;
      return;
    case ThriftType::binary:
      binary();
      return;
    default:
      skip_container(type, depth);
  }
}

void ThriftReader::skip_container(ThriftType type, int depth) {
  if (type == ThriftType::structure) {
    begin_struct();
    for (Field f = next_field(); f.type != ThriftType::stop; f = next_field()) {
      skip_value(f.type, depth + 1);
    }
  } else if (type == ThriftType::list || type == ThriftType::set) {
    const List list = list_header();
    for (std::size_t i = 0; i < list.size; ++i) skip_element(list.element, depth + 1);
  } else {
    require(type == ThriftType::map, "unknown type in the metadata");
    const std::uint64_t size = varint();
    if (size == 0) return;
    require(size <= bytes_.size() - position_, "a map in the metadata is longer than the rest");
    const std::uint8_t types = byte();
    for (std::uint64_t i = 0; i < size; ++i) {
      skip_element(static_cast<ThriftType>(types >> 4), depth + 1);
      skip_element(static_cast<ThriftType>(types & 0x0F), depth + 1);
    }
  }
}

// Inside containers a boolean is a byte of its own.
void ThriftReader::skip_element(ThriftType type, int depth) {
  require(type != ThriftType::stop, "unknown type in the metadata");
  if (type == ThriftType::true_value || type == ThriftType::false_value) {
    byte();
  } else {
    skip_value(type, depth);
  }
}

}  // namespace embedtool
