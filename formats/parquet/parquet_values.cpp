#include "formats/parquet/parquet_values.hpp"

#include <fmt/core.h>

#include <cstring>

#include "formats/io/damaged.hpp"
#include "formats/parquet/parquet_page_reader.hpp"

namespace embedtool::parquet {
namespace {

constexpr const char* kEndsEarly = "a page ends early";

std::uint64_t unzigzag(std::uint64_t value) {
  return (value >> 1) ^ (~(value & 1) + 1);
}

std::string_view chars(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

DeltaDecoder::DeltaDecoder(std::span<const std::byte> bytes) : bytes_(bytes) {
  const std::uint64_t block = read_varint(bytes_, position_);
  miniblocks_ = read_varint(bytes_, position_);
  left_ = read_varint(bytes_, position_);
  value_ = unzigzag(read_varint(bytes_, position_));
  constexpr std::uint64_t kMostInBlock = std::uint64_t{1} << 31;
  require(miniblocks_ > 0 && block <= kMostInBlock && block % miniblocks_ == 0 &&
              block / miniblocks_ % 8 == 0 && block > 0,
          "a page's blocks have an impossible size");
  per_miniblock_ = block / miniblocks_;
  miniblock_ = miniblocks_;
}

void DeltaDecoder::open_block() {
  min_delta_ = unzigzag(read_varint(bytes_, position_));
  require(miniblocks_ <= bytes_.size() - position_, kEndsEarly);
  widths_ = position_;
  position_ += static_cast<std::size_t>(miniblocks_);
  miniblock_ = 0;
}

void DeltaDecoder::open_miniblock() {
  if (miniblock_ == miniblocks_) open_block();
  width_ = std::to_integer<unsigned>(bytes_[widths_ + miniblock_++]);
  require(width_ <= 64, "a page's numbers are wider than 64 bits");
  // Some writers cut the padding behind the last value.
  const std::uint64_t used = std::min(left_, per_miniblock_);
  require((used * width_ + 7) / 8 <= bytes_.size() - position_, kEndsEarly);
  bit_ = position_ * 8;
  const std::uint64_t size = per_miniblock_ * width_ / 8;
  position_ += static_cast<std::size_t>(std::min<std::uint64_t>(size, bytes_.size() - position_));
  left_in_miniblock_ = per_miniblock_;
}

std::uint64_t DeltaDecoder::unpack() {
  const unsigned low = std::min(width_, 32U);
  std::uint64_t value = load_bits(bytes_, bit_, low);
  if (width_ > 32) {
    value |= std::uint64_t{load_bits(bytes_, bit_ + 32, width_ - 32)} << 32;
  }
  bit_ += width_;
  return value;
}

std::int64_t DeltaDecoder::next() {
  require(left_ > 0, "a page has fewer values than levels");
  if (first_) {
    first_ = false;
  } else {
    if (left_in_miniblock_ == 0) open_miniblock();
    --left_in_miniblock_;
    value_ += min_delta_ + unpack();
  }
  --left_;
  return static_cast<std::int64_t>(value_);
}

std::size_t DeltaDecoder::end() const {
  DeltaDecoder walk = *this;
  if (walk.left_ > 0) --walk.left_;  // the first value is in the header
  while (walk.left_ > 0) {
    walk.open_miniblock();
    walk.left_ -= std::min(walk.left_, per_miniblock_);
  }
  return walk.position_;
}

ValueType value_type(const SchemaElement& leaf) {
  ValueType type{leaf.type, 0};
  switch (leaf.type) {
    case Physical::boolean:
      type.width = 1;
      break;
    case Physical::int32:
    case Physical::float32:
      type.width = 4;
      break;
    case Physical::int64:
    case Physical::float64:
      type.width = 8;
      break;
    case Physical::int96:
      type.width = 12;
      break;
    case Physical::fixed:
      require(leaf.type_length > 0 && static_cast<std::size_t>(leaf.type_length) <= kMaxPageBytes,
              "a column of values of no length");
      type.width = static_cast<std::size_t>(leaf.type_length);
      break;
    case Physical::byte_array:
      break;
    default:
      throw Damaged("a column is of no known type");
  }
  return type;
}

void Dictionary::open(std::span<const std::byte> page, std::size_t entries, const ValueType& type) {
  constexpr const char* kShort = "a dictionary ends early";
  page_ = page;
  width_ = type.width;
  entries_ = entries;
  starts_.clear();
  if (width_ > 0) {
    require(entries <= page.size() / width_, kShort);
    return;
  }
  require(entries <= page.size() / 4, kShort);
  starts_.reserve(entries);
  std::size_t at = 0;
  for (std::size_t i = 0; i < entries; ++i) {
    require(page.size() - at >= 4, kShort);
    starts_.push_back(static_cast<std::uint32_t>(at));
    const std::size_t size = load_u32(&page[at]);
    require(size <= page.size() - at - 4, kShort);
    at += 4 + size;
  }
}

std::string_view Dictionary::at(std::size_t index) const {
  require(index < entries_, "a value is not in its dictionary");
  if (width_ > 0) return chars(page_.subspan(index * width_, width_));
  const std::size_t start = starts_[index];
  return chars(page_.subspan(start + 4, load_u32(&page_[start])));
}

void ValueDecoder::open_plain() {
  mode_ = type_.physical == Physical::boolean      ? Mode::bits
          : type_.physical == Physical::byte_array ? Mode::strings
                                                   : Mode::fixed;
}

void ValueDecoder::open_deltas(Encoding encoding) {
  std::size_t start = 0;
  if (encoding == Encoding::delta_byte_array) {
    prefixes_ = DeltaDecoder(values_);
    start = prefixes_.end();
    string_.clear();
  }
  deltas_ = DeltaDecoder(values_.subspan(start));
  at_ = encoding == Encoding::delta_binary_packed ? 0 : start + deltas_.end();
}

void ValueDecoder::open(Encoding encoding, const ValueType& type, std::span<const std::byte> values,
                        const Dictionary* dictionary) {
  type_ = type;
  values_ = values;
  at_ = 0;
  dictionary_ = dictionary;
  const bool boolean = type.physical == Physical::boolean;
  const bool strings = type.physical == Physical::byte_array;
  if (encoding == Encoding::plain) return open_plain();
  if (encoding == Encoding::rle_dictionary || encoding == Encoding::plain_dictionary) {
    require(dictionary != nullptr, "a column lacks its dictionary");
    mode_ = Mode::dictionary;
    if (values.empty()) return;  // nothing but nulls
    runs_ = RunDecoder(values.subspan(1), std::to_integer<unsigned>(values[0]));
  } else if (encoding == Encoding::rle && boolean) {
    mode_ = Mode::runs;
    if (values.empty()) return;
    require(values.size() >= 4 && load_u32(values.data()) <= values.size() - 4, kEndsEarly);
    runs_ = RunDecoder(values.subspan(4, load_u32(values.data())), 1);
  } else if (encoding == Encoding::byte_stream_split && !boolean && !strings) {
    require(values.size() % type.width == 0, "a page of numbers has a wrong length");
    joined_.resize(values.size());
    join_bytes(values, type.width, joined_);
    values_ = joined_;
    mode_ = Mode::fixed;
  } else if (encoding == Encoding::delta_binary_packed &&
             (type.physical == Physical::int32 || type.physical == Physical::int64)) {
    mode_ = Mode::delta;
    if (!values.empty()) open_deltas(encoding);
  } else if (encoding == Encoding::delta_length_byte_array && strings) {
    mode_ = Mode::delta_lengths;
    if (!values.empty()) open_deltas(encoding);
  } else if (encoding == Encoding::delta_byte_array &&
             (strings || type.physical == Physical::fixed)) {
    mode_ = Mode::delta_strings;
    if (!values.empty()) open_deltas(encoding);
  } else {
    throw Unsupported(
        fmt::format("its values are in encoding {}, which does not go with their type",
                    static_cast<int>(encoding)));
  }
}

std::string_view ValueDecoder::take(std::size_t size) {
  require(size <= values_.size() - at_, kEndsEarly);
  const auto view = values_.subspan(at_, size);
  at_ += size;
  return chars(view);
}

std::string_view ValueDecoder::keep(std::uint64_t number, std::size_t size) {
  std::memcpy(number_.data(), &number, sizeof number);
  return {number_.data(), size};
}

std::string_view ValueDecoder::next_bit() {
  require(at_ / 8 < values_.size(), kEndsEarly);
  const std::uint64_t bit = load_bits(values_, at_, 1);
  ++at_;
  return keep(bit, 1);
}

std::string_view ValueDecoder::next_delta_string() {
  const auto prefix = static_cast<std::int32_t>(prefixes_.next());
  require(prefix >= 0 && static_cast<std::size_t>(prefix) <= string_.size(),
          "a string begins with more than the one before it has");
  const auto size = static_cast<std::int32_t>(deltas_.next());
  require(size >= 0, "a string has a negative length");
  string_.resize(static_cast<std::size_t>(prefix));
  string_ += take(static_cast<std::size_t>(size));
  require(type_.width == 0 || string_.size() == type_.width, "a value has a wrong length");
  return string_;
}

std::string_view ValueDecoder::next() {
  switch (mode_) {
    case Mode::fixed:
      return take(type_.width);
    case Mode::strings:
      return take(load_u32(reinterpret_cast<const std::byte*>(take(4).data())));
    case Mode::bits:
      return next_bit();
    case Mode::runs:
      require(!values_.empty(), kEndsEarly);
      return keep(runs_.next(), 1);
    case Mode::dictionary:
      require(!values_.empty(), kEndsEarly);
      return dictionary_->at(runs_.next());
    case Mode::delta:
      require(!values_.empty(), kEndsEarly);
      return keep(static_cast<std::uint64_t>(deltas_.next()), type_.width);
    case Mode::delta_lengths: {
      require(!values_.empty(), kEndsEarly);
      const auto size = static_cast<std::int32_t>(deltas_.next());
      require(size >= 0, "a string has a negative length");
      return take(static_cast<std::size_t>(size));
    }
    case Mode::delta_strings:
      require(!values_.empty(), kEndsEarly);
      return next_delta_string();
  }
  return {};
}

}  // namespace embedtool::parquet
