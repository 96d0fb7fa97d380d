#pragma once

// What the formats of columns (Parquet, Arrow) share: a schema as a tree, and what its values are.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace embedtool {

enum class ColumnKind : std::uint8_t {
  null,  ///< nothing but nulls
  boolean,
  integer,
  float16,
  float32,
  float64,
  decimal,  ///< an integer, divided by a power of ten
  string,   ///< text, or bytes that may be text
  uuid,
  date,       ///< days since 1970
  time,       ///< since midnight
  timestamp,  ///< since 1970
  int96,      ///< nanoseconds of a day, then its Julian day
  duration,
  structure,
  list,
  map,    ///< a list of structures of a key and a value
  other,  ///< what we cannot show
};

/// How a column's values are stored and to be understood. The members below `kind` belong to some
/// kinds only.
struct ColumnType {
  ColumnKind kind = ColumnKind::other;
  bool is_signed = true;    ///< integer
  bool big_endian = false;  ///< decimal
  std::int32_t scale = 0;   ///< decimal: digits behind the point
  float factor = 1.0F;  ///< integer: the number it stands for, by number_of(), is so many times it
  unsigned fraction = 0;  ///< time, timestamp, duration: digits of a second; date: 3 if in ms
  bool utc = false;       ///< timestamp: an instant
  std::string shown;      ///< the format's own name for it, for messages
};

/// A column, or a part of one. `id` numbers the nodes of a schema depth first, the root being 0.
struct ColumnNode {
  std::string name;
  ColumnType type;
  std::size_t id = 0;
  std::vector<ColumnNode> children;  ///< of a list: the element; of a map: key and value

  bool is_leaf() const { return children.empty() && type.kind != ColumnKind::structure; }
  bool is_number() const {
    return type.kind == ColumnKind::integer || type.kind == ColumnKind::float16 ||
           type.kind == ColumnKind::float32 || type.kind == ColumnKind::float64;
  }
};

/// Is such a value shown as bare JSON (a number, a boolean), not as a string?
bool is_bare(ColumnKind kind);

/// Appends a value, as stored (`raw`: little-endian where nothing else is said; a string's own
/// bytes), as JSON shows it, without quotes: a number, true, text, a date in ISO 8601. A float is
/// the shortest decimal that gives it back, with a point or an exponent.
void append_shown(std::string& out, const ColumnType& type, std::string_view raw);

/// The same as a JSON value: strings in quotes, escaped. Bytes that are not UTF-8 stay as they are.
void append_json(std::string& out, const ColumnType& type, std::string_view raw);

/// A number's value; exact but for integers beyond 2^53. `raw` as above.
double number_of(const ColumnType& type, std::string_view raw);

/// Appends the values of numbers of `width` bytes that lie back to back.
void append_numbers(const ColumnType& type, std::string_view raw, std::size_t width,
                    std::vector<double>& out);

}  // namespace embedtool
