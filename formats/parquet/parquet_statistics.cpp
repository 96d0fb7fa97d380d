#include "formats/parquet/parquet_statistics.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/text/unicode/unicode.hpp"
#include "formats/parquet/parquet_encoding.hpp"
#include "formats/parquet/thrift_compact.hpp"

namespace embedtool::parquet {
namespace {

/// Of a string's beginning. An id or a category fits; a text's statistics are of no use.
constexpr std::size_t kPrefix = 64;

/// A string above all that begin with `prefix`: its last character's successor in place of that.
/// Nothing where there is none.
std::optional<std::string> above(std::string prefix) {
  while (!prefix.empty()) {
    std::size_t at = prefix.size() - 1;
    while (at > 0 && unicode::is_continuation(prefix[at])) --at;
    char32_t code = unicode::decode(prefix, at).code_point + 1;
    if (code == 0xD800) code = 0xE000;  // surrogates are no characters
    prefix.resize(at);
    if (code > 0x10FFFF) continue;
    unicode::append(code, prefix);
    return prefix;
  }
  return std::nullopt;
}

/// Bits of a double as a number that grows with it, but for NaN: the bits of positive numbers do
/// already, those of negative ones do the reverse. Its own inverse.
std::int64_t ordered(std::int64_t bits) {
  return bits < 0 ? bits ^ std::numeric_limits<std::int64_t>::max() : bits;
}
constexpr std::int64_t kMinusZero = -1;  // ordered
constexpr std::int64_t kPlusZero = 0;

}  // namespace

ValueRange::Prefix ValueRange::prefix_of(std::string_view value) {
  if (value.size() <= kPrefix) return {std::string(value), false};
  std::size_t size = kPrefix;
  while (size > 0 && unicode::is_continuation(value[size])) --size;
  return {std::string(value.substr(0, size)), true};
}

void ValueRange::add(std::string_view value) {
  if (kind_ == Kind::none || value < first_.text) first_ = prefix_of(value);
  if (kind_ == Kind::none || value > last_.text) last_ = prefix_of(value);
  kind_ = Kind::text;
}

void ValueRange::add(std::int32_t value) {
  add_number(value, Kind::number);
}

void ValueRange::add(std::int64_t value) {
  add_number(value, Kind::wide);
}

void ValueRange::add(double value) {
  unbounded_ = unbounded_ || std::isnan(value);
  add_number(ordered(std::bit_cast<std::int64_t>(value)), Kind::real);
}

void ValueRange::add(bool value) {
  add_number(value ? 1 : 0, Kind::boolean);
}

void ValueRange::add_number(std::int64_t value, Kind kind) {
  least_ = kind_ == Kind::none ? value : std::min(least_, value);
  greatest_ = kind_ == Kind::none ? value : std::max(greatest_, value);
  kind_ = kind;
}

void ValueRange::merge(const ValueRange& later) {
  const std::int64_t nulls = nulls_ + later.nulls_;
  if (kind_ == Kind::none) {
    *this = later;
  } else if (later.kind_ != Kind::none) {
    if (later.first_.text < first_.text) first_ = later.first_;
    if (later.last_.text > last_.text) last_ = later.last_;
    // Of two that begin alike, the longer one is above.
    last_.cut |= later.last_.cut && later.last_.text == last_.text;
    least_ = std::min(least_, later.least_);
    greatest_ = std::max(greatest_, later.greatest_);
    unbounded_ = unbounded_ || later.unbounded_;
  }
  nulls_ = nulls;
}

/// Of a bound that is a number.
std::string ValueRange::bytes_of(std::int64_t value) const {
  const std::int64_t stored = kind_ == Kind::real ? ordered(value) : value;
  const std::size_t size = kind_ == Kind::boolean ? 1 : kind_ == Kind::number ? 4 : 8;
  return {reinterpret_cast<const char*>(&stored), size};  // little-endian
}

Statistics ValueRange::statistics() const {
  Statistics out;
  out.null_count = nulls_;
  if (kind_ == Kind::none || unbounded_) return out;
  if (kind_ == Kind::text) {
    std::optional<std::string> most = last_.cut ? above(last_.text) : last_.text;
    if (!most) return out;
    out.bounds = {first_.text, std::move(*most), !first_.cut, !last_.cut};
  } else {
    // parquet.thrift: a zero bounds both zeros.
    const bool real = kind_ == Kind::real;
    const std::int64_t least = real && least_ == kPlusZero ? kMinusZero : least_;
    const std::int64_t most = real && greatest_ == kMinusZero ? kPlusZero : greatest_;
    out.bounds = {bytes_of(least), bytes_of(most), true, true};
  }
  return out;
}

bool ValueRange::ascends_to(const ValueRange& other) const {
  return first_.text <= other.first_.text && last_.text <= other.last_.text &&
         least_ <= other.least_ && greatest_ <= other.greatest_;
}

bool ValueRange::descends_to(const ValueRange& other) const {
  return other.ascends_to(*this);
}

void PageIndex::add(std::int64_t rows, std::int32_t bytes, const ValueRange& range) {
  pages_.push_back({rows_, bytes, range});
  rows_ += rows;
}

void PageIndex::clear() {
  pages_.clear();
  rows_ = 0;
}

// Field numbers of parquet.thrift: OffsetIndex, PageLocation.
std::vector<std::byte> PageIndex::offset_index(std::int64_t offset) const {
  std::vector<std::byte> bytes;
  ThriftWriter out(bytes);
  out.begin_root();
  out.begin_list(1, ThriftType::structure, pages_.size());
  for (const Page& page : pages_) {
    out.begin_element();
    out.i64(1, offset);
    out.i32(2, page.bytes);
    out.i64(3, page.first_row);
    out.end_struct();
    offset += page.bytes;
  }
  out.end_struct();
  return bytes;
}

// Field numbers of parquet.thrift: ColumnIndex. A page of nothing but nulls has empty bounds.
std::vector<std::byte> PageIndex::column_index() const {
  std::vector<Statistics> all;
  bool ascending = true;
  bool descending = true;
  const ValueRange* last = nullptr;
  for (const Page& page : pages_) {
    all.push_back(page.range.statistics());
    if (!page.range.has_values()) continue;
    if (!all.back().bounds) return {};
    ascending = ascending && (last == nullptr || last->ascends_to(page.range));
    descending = descending && (last == nullptr || last->descends_to(page.range));
    last = &page.range;
  }
  enum class Order : std::int32_t { unordered = 0, ascending = 1, descending = 2 };
  const Order order = ascending    ? Order::ascending
                      : descending ? Order::descending
                                   : Order::unordered;
  std::vector<std::byte> bytes;
  ThriftWriter out(bytes);
  out.begin_root();
  out.begin_list(1, ThriftType::true_value, all.size());
  for (const Statistics& page : all) out.element_boolean(!page.bounds);
  out.begin_list(2, ThriftType::binary, all.size());
  for (const Statistics& page : all) out.element_string(page.bounds ? page.bounds->least : "");
  out.begin_list(3, ThriftType::binary, all.size());
  for (const Statistics& page : all) out.element_string(page.bounds ? page.bounds->most : "");
  out.i32(4, static_cast<std::int32_t>(order));
  out.begin_list(5, ThriftType::i64, all.size());
  for (const Statistics& page : all) out.element_i64(page.null_count);
  out.end_struct();
  return bytes;
}

}  // namespace embedtool::parquet
