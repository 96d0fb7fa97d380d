#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "formats/columns/column_type.hpp"
#include "formats/parquet/parquet_metadata.hpp"

namespace embedtool::parquet {

/// Levels of a node of the schema. Where definition levels are at least `present`, the node is
/// there and not null; a list's or map's elements are there from `element` on, and repetition level
/// `repetition` says that another one follows.
struct NodeLevels {
  unsigned present = 0;
  unsigned element = 0;        ///< list, map
  unsigned repetition = 0;     ///< list, map
  std::size_t first_leaf = 0;  ///< of those below it; a leaf: itself
  std::size_t leaves = 0;
};

/// A leaf of the schema, which is a column of the file.
struct Leaf {
  std::string path;  ///< the names that lead to it, dotted, for messages
  SchemaElement element;
  unsigned max_definition = 0;
  unsigned max_repetition = 0;
};

/// A file's schema: its columns as their readers see them, the groups and repeated fields that
/// stand for lists and maps made into such (LogicalTypes.md, "Nested Types", with its rules for
/// older writers).
struct SchemaTree {
  ColumnNode root;
  std::vector<NodeLevels> levels;  ///< by ColumnNode::id
  std::vector<Leaf> leaves;        ///< in the order of the chunks of a row group
};

/// Throws Damaged for a schema that is not a tree, or one that nests deeper than 100.
SchemaTree schema_tree(const FileMeta& meta);

}  // namespace embedtool::parquet
