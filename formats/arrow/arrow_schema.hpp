#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "formats/columns/column_type.hpp"

namespace embedtool::arrow {

namespace wire {
struct Schema;
struct Field;
}  // namespace wire

/// How a column's values lie in buffers. Source: the Arrow columnar format, "Physical memory
/// layout".
enum class Layout : std::uint8_t {
  none,       ///< nothing but nulls: no buffers
  bits,       ///< a validity bitmap (as all below), then a bit a value
  fixed,      ///< values of one width
  strings32,  ///< offsets, then bytes
  strings64,
  views,   ///< views of 16 bytes, then any number of buffers
  list32,  ///< offsets; one child
  list64,
  list_fixed,    ///< a child; every list has the same length
  structure,     ///< children of the same length
  list_view,     ///< offsets and sizes; skipped only
  run_ends,      ///< no bitmap, two children; skipped only
  union_sparse,  ///< type ids; skipped only
  union_dense,   ///< type ids and offsets; skipped only
};

/// What a ColumnNode needs to be found in batches.
struct NodeLayout {
  Layout layout = Layout::none;
  std::size_t width = 0;  ///< fixed: bytes; list_fixed: elements
  std::size_t parent = 0;
  // A column that holds numbers of a dictionary's values has `fixed` values of `width` bytes; those
  // of the dictionary are laid out as `values`.
  bool is_dictionary = false;
  std::int64_t dictionary = 0;
  Layout values = Layout::none;
  std::size_t value_width = 0;
};

struct ArrowSchema {
  ColumnNode root;
  std::vector<NodeLayout> layouts;  ///< by ColumnNode::id
};

/// Throws Damaged for a schema that contradicts itself or nests deeper than 100, Unsupported for
/// one of big-endian data.
ArrowSchema read_schema(const wire::Schema& schema);

}  // namespace embedtool::arrow
