#include "formats/columns/column_type.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>

#include "core/math/half.hpp"
#include "formats/io/json_text.hpp"

namespace embedtool {
namespace {

/// A little-endian integer of 1 to 8 bytes.
std::uint64_t load_unsigned(std::string_view raw) {
  std::uint64_t value = 0;
  std::memcpy(&value, raw.data(), std::min(raw.size(), sizeof value));
  return value;
}

std::int64_t load_signed(std::string_view raw) {
  const std::uint64_t value = load_unsigned(raw);
  const auto unused = static_cast<unsigned>(64 - 8 * std::clamp<std::size_t>(raw.size(), 1, 8));
  return static_cast<std::int64_t>(value << unused) >> unused;
}

template <typename Float>
Float load_float(std::string_view raw) {
  Float value{};
  std::memcpy(&value, raw.data(), std::min(raw.size(), sizeof value));
  return value;
}

template <typename Integer>
void append_integer(std::string& out, Integer value) {
  fmt::format_to(std::back_inserter(out), "{}", value);
}

// As Python writes them: fixed from 1e-4 up to 1e16, else with an exponent; NaN and Infinity, which
// JSON has no words for, as Python and JavaScript call them.
template <typename Float>
void append_float(std::string& out, Float value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  std::array<char, 64> digits;
  const Float magnitude = std::abs(value);
  const bool fixed = magnitude == 0 || (magnitude >= static_cast<Float>(1e-4) &&
                                        magnitude < static_cast<Float>(1e16));
  const auto format = fixed ? std::chars_format::fixed : std::chars_format::scientific;
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value, format);
  const std::string_view text(digits.data(), static_cast<std::size_t>(result.ptr - digits.data()));
  out += text;
  if (fixed && text.find('.') == std::string_view::npos) out += ".0";
}

/// Days since 1970 as year-month-day. Source: Howard Hinnant, "chrono-compatible low-level date
/// algorithms" (2013), civil_from_days.
void append_date(std::string& out, std::int64_t days) {
  days += 719468;  // from 0000-03-01 on
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const std::int64_t of_era = days - era * 146097;
  const std::int64_t year_of_era =
      (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted = (5 * of_year + 2) / 153;  // months from March on
  const std::int64_t day = of_year - (153 * shifted + 2) / 5 + 1;
  const std::int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}", year, month, day);
}

constexpr std::int64_t power_of_ten(unsigned exponent) {
  std::int64_t power = 1;
  for (unsigned i = 0; i < exponent; ++i) power *= 10;
  return power;
}

/// The part of a second in `digits` digits: nothing if it is 0, else 3, 6 or 9 digits.
void append_fraction(std::string& out, std::int64_t part, unsigned digits) {
  if (part == 0) return;
  while (digits > 3 && part % 1000 == 0) {
    part /= 1000;
    digits -= 3;
  }
  fmt::format_to(std::back_inserter(out), ".{:0{}}", part, digits);
}

void append_time(std::string& out, std::int64_t seconds, std::int64_t part, unsigned digits) {
  fmt::format_to(std::back_inserter(out), "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60,
                 seconds % 60);
  append_fraction(out, part, digits);
}

std::int64_t floor_divide(std::int64_t value, std::int64_t by, std::int64_t& rest) {
  std::int64_t quotient = value / by;
  rest = value % by;
  if (rest < 0) {
    rest += by;
    --quotient;
  }
  return quotient;
}

constexpr std::int64_t kDaySeconds = 86400;

void append_timestamp(std::string& out, const ColumnType& type, std::int64_t value) {
  std::int64_t part = 0;
  std::int64_t of_day = 0;
  const std::int64_t seconds = floor_divide(value, power_of_ten(type.fraction), part);
  append_date(out, floor_divide(seconds, kDaySeconds, of_day));
  out += 'T';
  append_time(out, of_day, part, type.fraction);
  if (type.utc) out += 'Z';
}

void append_int96(std::string& out, std::string_view raw) {
  constexpr std::int64_t kJulian1970 = 2440588;
  constexpr std::int64_t kSecond = 1'000'000'000;
  if (raw.size() < 12) return;
  const std::int64_t day = load_signed(raw.substr(8, 4)) - kJulian1970;
  std::int64_t part = 0;
  std::int64_t of_day = 0;
  const std::int64_t seconds = floor_divide(load_signed(raw.substr(0, 8)), kSecond, part);
  append_date(out, day + floor_divide(seconds, kDaySeconds, of_day));
  out += 'T';
  append_time(out, of_day, part, 9);
}

void append_duration(std::string& out, const ColumnType& type, std::int64_t value) {
  const auto magnitude =
      value < 0 ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
  const auto unit = static_cast<std::uint64_t>(power_of_ten(type.fraction));
  fmt::format_to(std::back_inserter(out), "{}PT{}", value < 0 ? "-" : "", magnitude / unit);
  append_fraction(out, static_cast<std::int64_t>(magnitude % unit), type.fraction);
  out += 'S';
}

/// The digits of an integer in two's complement of any size, without its sign.
std::string magnitude_of(std::string_view raw, bool big_endian, bool& negative) {
  std::string bytes(raw);
  if (big_endian) std::reverse(bytes.begin(), bytes.end());
  negative = !bytes.empty() && (bytes.back() & 0x80) != 0;
  unsigned carry = negative ? 1 : 0;
  for (char& c : bytes) {
    const unsigned byte = static_cast<unsigned char>(negative ? ~c : c) + carry;
    c = static_cast<char>(byte & 0xFF);
    carry = byte >> 8;
  }
  std::string digits;  // the lowest first
  while (!bytes.empty()) {
    unsigned rest = 0;
    for (auto at = bytes.rbegin(); at != bytes.rend(); ++at) {
      const unsigned step = rest << 8 | static_cast<unsigned char>(*at);
      *at = static_cast<char>(step / 10);
      rest = step % 10;
    }
    digits += static_cast<char>('0' + rest);
    while (!bytes.empty() && bytes.back() == '\0') bytes.pop_back();
  }
  std::reverse(digits.begin(), digits.end());
  return digits.empty() ? "0" : digits;
}

void append_decimal(std::string& out, const ColumnType& type, std::string_view raw) {
  bool negative = false;
  std::string digits = magnitude_of(raw, type.big_endian, negative);
  if (negative) out += '-';
  if (type.scale <= 0) {
    out += digits;
    if (digits != "0") out.append(static_cast<std::size_t>(-type.scale), '0');
    return;
  }
  const auto scale = static_cast<std::size_t>(type.scale);
  if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
  out += std::string_view(digits).substr(0, digits.size() - scale);
  out += '.';
  out += std::string_view(digits).substr(digits.size() - scale);
}

void append_uuid(std::string& out, std::string_view raw) {
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    fmt::format_to(std::back_inserter(out), "{:02x}",
                   static_cast<unsigned>(static_cast<unsigned char>(raw[i])));
  }
}

void append_clock(std::string& out, const ColumnType& type, std::string_view raw) {
  std::int64_t part = 0;
  const std::int64_t value = load_signed(raw);
  if (type.kind == ColumnKind::date) {
    const std::int64_t in_day = type.fraction == 3 ? kDaySeconds * 1000 : 1;
    return append_date(out, floor_divide(value, in_day, part));
  }
  if (type.kind == ColumnKind::timestamp) return append_timestamp(out, type, value);
  if (type.kind == ColumnKind::duration) return append_duration(out, type, value);
  const std::int64_t seconds = floor_divide(value, power_of_ten(type.fraction), part);
  append_time(out, seconds, part, type.fraction);
}

}  // namespace

bool is_bare(ColumnKind kind) {
  return kind == ColumnKind::null || kind == ColumnKind::boolean || kind == ColumnKind::integer ||
         kind == ColumnKind::float16 || kind == ColumnKind::float32 ||
         kind == ColumnKind::float64 || kind == ColumnKind::decimal;
}

void append_shown(std::string& out, const ColumnType& type, std::string_view raw) {
  switch (type.kind) {
    case ColumnKind::boolean:
      out += !raw.empty() && raw[0] != '\0' ? "true" : "false";
      return;
    case ColumnKind::integer:
      if (type.is_signed) return append_integer(out, load_signed(raw));
      return append_integer(out, load_unsigned(raw));
    case ColumnKind::float16:
      return append_float(out, half_to_float(static_cast<std::uint16_t>(load_unsigned(raw))));
    case ColumnKind::float32:
      return append_float(out, load_float<float>(raw));
    case ColumnKind::float64:
      return append_float(out, load_float<double>(raw));
    case ColumnKind::decimal:
      return append_decimal(out, type, raw);
    case ColumnKind::uuid:
      return append_uuid(out, raw);
    case ColumnKind::date:
    case ColumnKind::time:
    case ColumnKind::timestamp:
    case ColumnKind::duration:
      return append_clock(out, type, raw);
    case ColumnKind::int96:
      return append_int96(out, raw);
    case ColumnKind::string:
      out += raw;
      return;
    default:
      out += "null";
  }
}

void append_json(std::string& out, const ColumnType& type, std::string_view raw) {
  if (type.kind == ColumnKind::string) return append_json_string(out, raw);
  const bool bare = is_bare(type.kind);
  if (!bare) out += '"';
  append_shown(out, type, raw);
  if (!bare) out += '"';
}

double number_of(const ColumnType& type, std::string_view raw) {
  switch (type.kind) {
    case ColumnKind::float16:
      return static_cast<double>(half_to_float(static_cast<std::uint16_t>(load_unsigned(raw))));
    case ColumnKind::float32:
      return static_cast<double>(load_float<float>(raw));
    case ColumnKind::float64:
      return load_float<double>(raw);
    default:
      return static_cast<double>(type.factor) * (type.is_signed
                                                     ? static_cast<double>(load_signed(raw))
                                                     : static_cast<double>(load_unsigned(raw)));
  }
}

void append_numbers(const ColumnType& type, std::string_view raw, std::size_t width,
                    std::vector<double>& out) {
  const std::size_t start = out.size();
  const std::size_t count = raw.size() / width;
  out.resize(start + count);
  if (type.kind == ColumnKind::float32) {  // what vectors are made of
    for (std::size_t i = 0; i < count; ++i) {
      float value = 0.0F;
      std::memcpy(&value, raw.data() + i * sizeof value, sizeof value);
      out[start + i] = static_cast<double>(value);
    }
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    out[start + i] = number_of(type, raw.substr(i * width, width));
  }
}

}  // namespace embedtool
