#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/parquet/parquet_metadata.hpp"

namespace embedtool::parquet {

/// The least and the greatest of a column's values, in the order of TypeDefinedOrder: of strings
/// (UTF-8) by bytes, of numbers by value. Of long strings only the beginning is kept. Doubles of
/// which one is NaN have no bounds.
class ValueRange {
 public:
  void add(std::string_view value);
  void add(std::int32_t value);
  void add(std::int64_t value);
  void add(double value);
  void add(bool value);
  void add_null() { ++nulls_; }
  /// Takes in a later range of the same column.
  void merge(const ValueRange& later);
  bool has_values() const { return kind_ != Kind::none; }
  /// Without bounds where there is no value, or none that bounds them.
  Statistics statistics() const;
  /// Whether both bounds of `other` are at least, or at most, this one's.
  bool ascends_to(const ValueRange& other) const;
  bool descends_to(const ValueRange& other) const;

 private:
  enum class Kind : std::uint8_t { none, text, number, wide, real, boolean };
  /// A beginning of a string that stands for all strings that begin so.
  struct Prefix {
    std::string text;
    bool cut = false;
  };
  static Prefix prefix_of(std::string_view value);
  void add_number(std::int64_t value, Kind kind);
  std::string bytes_of(std::int64_t value) const;

  Kind kind_ = Kind::none;
  Prefix first_;
  Prefix last_;
  // Of doubles, whole numbers in the same order.
  std::int64_t least_ = 0;
  std::int64_t greatest_ = 0;
  bool unbounded_ = false;  ///< has a NaN
  std::int64_t nulls_ = 0;
};

/// The data pages of a column chunk: where they are, and the range of each one's values.
class PageIndex {
 public:
  void add(std::int64_t rows, std::int32_t bytes, const ValueRange& range);
  void clear();
  bool empty() const { return pages_.empty(); }
  /// The OffsetIndex in Thrift; `offset` is the first page's position in the file.
  std::vector<std::byte> offset_index(std::int64_t offset) const;
  /// The ColumnIndex; empty where a page has no bounds.
  std::vector<std::byte> column_index() const;

 private:
  struct Page {
    std::int64_t first_row = 0;
    std::int32_t bytes = 0;
    ValueRange range;
  };
  std::vector<Page> pages_;
  std::int64_t rows_ = 0;
};

}  // namespace embedtool::parquet
