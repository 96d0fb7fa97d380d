#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/columns/column_type.hpp"
#include "formats/corpus/corpus_fields.hpp"
#include "formats/corpus/corpus_options.hpp"

namespace embedtool {

/// Where the wanted fields are in a schema of columns. A field is a column's exact name, or a path
/// into nested columns as into JSON.
struct ColumnSelection {
  struct Column {
    FieldPlan::Slot slot = FieldPlan::kNone;
    const ColumnNode* node = nullptr;
  };
  std::vector<Column> scalars;  ///< leaves below structures only
  std::vector<Column> numbers;  ///< lists of numbers below structures only: ids and vectors
  /// Columns that are shown as JSON, from which the remaining fields are taken.
  std::vector<const ColumnNode*> nested;
  std::vector<bool> wanted;             ///< by ColumnNode::id
  std::vector<std::string_view> names;  ///< of the columns, for messages: kNamesListed + 1 at most
};

/// `root` outlives the selection. Throws Error(usage) naming `file_name` for a field that is needed
/// and missing, and for a column whose type cannot be what the field is for.
ColumnSelection select_columns(const FieldPlan& plan, const ColumnNode& root,
                               const std::string& file_name);

}  // namespace embedtool
