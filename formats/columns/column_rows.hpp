#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/columns/column_type.hpp"
#include "formats/io/bytes.hpp"
#include "formats/io/damaged.hpp"

namespace embedtool {

/// What is read may well be whole, but says something that this program does not read. The message
/// is a clause, as Damaged's.
class Unsupported : public Damaged {
 public:
  using Damaged::Damaged;
};

/// Rows of a format that stores columns. Throws Damaged and Unsupported. Not thread-safe.
class ColumnRows {
 public:
  virtual ~ColumnRows() = default;

  /// Reads what precedes the rows. False when blocked: call again.
  virtual bool open(Wait) { return true; }
  /// The schema: a structure whose children are the columns.
  virtual const ColumnNode& columns() const = 0;
  /// Which nodes will be asked for, by ColumnNode::id; a node's parents are wanted as well. Call
  /// once, before the first row.
  virtual void select(const std::vector<bool>& wanted) = 0;

  /// Only the rows that are stored in the bytes [begin, end) of the file, of which each row is in
  /// one such range of any division; returns how many rows precede them. Call before select(). Only
  /// for formats that can be cut (InputFormat::cut).
  virtual std::uint64_t confine(std::uint64_t /*begin*/, std::uint64_t /*end*/) { return 0; }

  /// Goes to the next row. False at the end, or if `blocked`: call again.
  virtual bool next_row(Wait wait, bool& blocked) = 0;

  // Of the row at hand, every wanted column must be taken once, by one of these.

  /// A leaf below structures only: its value as stored (ColumnType), valid until the next row.
  /// False if it, or a structure around it, is null.
  virtual bool scalar(const ColumnNode& leaf, std::string_view& raw) = 0;

  enum class Found : std::uint8_t {
    null,
    numbers,
    odd,  ///< there is a null among them
    too_many,
  };
  /// A list of numbers below structures only; `out` gets at most `most` of them.
  virtual Found numbers(const ColumnNode& list, std::size_t most, std::vector<double>& out) = 0;

  /// Appends the wanted parts of a column as JSON. What is longer than `most` is cut off right
  /// behind, and no longer JSON.
  virtual void append_json(const ColumnNode& column, std::size_t most, std::string& out) = 0;

  /// How far into the file the rows reach that have been read, where they are not read through a
  /// stream.
  virtual std::uint64_t position() const { return 0; }
};

}  // namespace embedtool
