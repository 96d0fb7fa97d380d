#include "formats/parquet/parquet_tree.hpp"

#include <fmt/core.h>

#include <string_view>
#include <utility>

#include "formats/io/damaged.hpp"

namespace embedtool::parquet {
namespace {

constexpr unsigned kMaxDepth = 100;

unsigned fraction_of(TimeUnit unit) {
  return unit == TimeUnit::millis ? 3 : unit == TimeUnit::micros ? 6 : 9;
}

ColumnType physical_type(const SchemaElement& leaf) {
  ColumnType type;
  switch (leaf.type) {
    case Physical::boolean:
      type.kind = ColumnKind::boolean;
      type.shown = "BOOLEAN";
      break;
    case Physical::int32:
    case Physical::int64:
      type.kind = ColumnKind::integer;
      type.shown = leaf.type == Physical::int32 ? "INT32" : "INT64";
      break;
    case Physical::int96:
      type.kind = ColumnKind::int96;
      type.shown = "INT96";
      break;
    case Physical::float32:
      type.kind = ColumnKind::float32;
      type.shown = "FLOAT";
      break;
    case Physical::float64:
      type.kind = ColumnKind::float64;
      type.shown = "DOUBLE";
      break;
    case Physical::byte_array:
    case Physical::fixed:
      type.kind = ColumnKind::string;
      type.shown = leaf.type == Physical::fixed
                       ? fmt::format("FIXED_LEN_BYTE_ARRAY({})", leaf.type_length)
                       : "BYTE_ARRAY";
      break;
    default:
      throw Damaged("a column is of no known type");
  }
  return type;
}

/// Is the annotation one that goes with integers?
bool on_integers(Logical kind) {
  return kind == Logical::date || kind == Logical::time || kind == Logical::timestamp ||
         kind == Logical::integer;
}

ColumnType decimal_type(const SchemaElement& leaf, ColumnType type) {
  constexpr std::int32_t kMostDigits = 76;
  require(leaf.logical.scale >= 0 && leaf.logical.scale <= kMostDigits,
          "a decimal has an impossible scale");
  type.big_endian = type.kind == ColumnKind::string;
  type.kind = ColumnKind::decimal;
  type.scale = leaf.logical.scale;
  type.shown = fmt::format("DECIMAL({}, {})", leaf.logical.precision, type.scale);
  return type;
}

ColumnType integer_type(const SchemaElement& leaf, ColumnType type) {
  const LogicalType& logical = leaf.logical;
  switch (logical.kind) {
    case Logical::date:
      type.kind = ColumnKind::date;
      type.shown = "DATE";
      break;
    case Logical::time:
    case Logical::timestamp:
      type.kind = logical.kind == Logical::time ? ColumnKind::time : ColumnKind::timestamp;
      type.fraction = fraction_of(logical.unit);
      type.utc = logical.utc;
      type.shown = logical.kind == Logical::time ? "TIME" : "TIMESTAMP";
      break;
    default:
      type.is_signed = logical.is_signed;
      type.shown = fmt::format("{}INT_{}", logical.is_signed ? "" : "U", logical.bits);
  }
  return type;
}

/// What a leaf holds: its physical type, as its annotation explains it.
ColumnType leaf_type(const SchemaElement& leaf) {
  const ColumnType type = physical_type(leaf);
  const bool integer = type.kind == ColumnKind::integer;
  const bool bytes = type.kind == ColumnKind::string;
  ColumnType other = type;
  switch (leaf.logical.kind) {
    case Logical::none:
      return type;
    case Logical::decimal:
      if (integer || bytes) return decimal_type(leaf, type);
      break;
    case Logical::null:
      other.kind = ColumnKind::null;
      other.shown = "NULL";
      return other;
    case Logical::uuid:
      require(leaf.type == Physical::fixed && leaf.type_length == 16, "a UUID is not 16 bytes");
      other.kind = ColumnKind::uuid;
      other.shown = "UUID";
      return other;
    case Logical::float16:
      require(leaf.type == Physical::fixed && leaf.type_length == 2, "a FLOAT16 is not 2 bytes");
      other.kind = ColumnKind::float16;
      other.shown = "FLOAT16";
      return other;
    case Logical::bson:
    case Logical::interval:
      other.kind = ColumnKind::other;
      other.shown = leaf.logical.kind == Logical::bson ? "BSON" : "INTERVAL";
      return other;
    default:
      if (on_integers(leaf.logical.kind) && integer) return integer_type(leaf, type);
      if (!on_integers(leaf.logical.kind) && bytes) other.shown = "STRING";
      return other;
  }
  throw Damaged("a column's annotation does not go with its type");
}

class TreeBuilder {
 public:
  explicit TreeBuilder(const std::vector<SchemaElement>& schema) : schema_(schema) {}

  SchemaTree build() {
    require(!schema_.empty(), "the file has no schema");
    tree_.root.type.kind = ColumnKind::structure;
    tree_.levels.emplace_back();
    add_children(tree_.root, take(), {});
    require(next_ == schema_.size(), "the schema has more columns than its root says");
    return std::move(tree_);
  }

 private:
  struct Depth {
    unsigned definition = 0;
    unsigned repetition = 0;
    unsigned nesting = 0;
  };

  const SchemaElement& take() {
    require(next_ < schema_.size(), "the schema ends early");
    return schema_[next_++];
  }

  /// Adds a field, whose name comes next, and takes its name off the path again.
  void add(ColumnNode& node, Depth depth) {
    const std::size_t size = path_.size();
    if (size > 0) path_ += '.';
    if (next_ < schema_.size()) path_ += schema_[next_].name;
    add_field(node, depth);
    path_.resize(size);
  }

  /// Numbers a node; its levels are completed when everything below it is there.
  void begin(ColumnNode& node, const std::string& name) {
    node.name = name;
    node.id = tree_.levels.size();
    tree_.levels.emplace_back();
    tree_.levels.back().first_leaf = tree_.leaves.size();
  }
  void end(ColumnNode& node) {
    NodeLevels& levels = tree_.levels[node.id];
    levels.leaves = tree_.leaves.size() - levels.first_leaf;
    // A group without a column has no levels either, and cannot be read.
    if (levels.leaves == 0 && node.id != 0) node.type.kind = ColumnKind::other;
  }

  void add_children(ColumnNode& node, const SchemaElement& group, Depth depth) {
    require(++depth.nesting <= kMaxDepth, "the schema nests too deep");
    const std::int32_t count = group.children;
    require(count >= 0 && static_cast<std::size_t>(count) <= schema_.size() - next_,
            "the schema ends early");
    for (std::int32_t i = 0; i < count; ++i) add(node.children.emplace_back(), depth);
    end(node);
  }

  /// A field as its parent holds it: a repeated one that no LIST stands around is a list.
  void add_field(ColumnNode& node, Depth depth) {
    const SchemaElement& element = take();
    if (element.repetition != Repetition::repeated) {
      return add_value(node, element, depth, element.name);
    }
    begin(node, element.name);
    node.type.kind = ColumnKind::list;
    node.type.shown = "LIST";
    NodeLevels& levels = tree_.levels[node.id];
    levels.present = depth.definition;
    levels.element = ++depth.definition;
    levels.repetition = ++depth.repetition;
    add_value(node.children.emplace_back(), element, depth, "element");
    end(node);
  }

  /// A field without its repetition.
  void add_value(ColumnNode& node, const SchemaElement& element, Depth depth,
                 const std::string& name) {
    if (element.repetition == Repetition::optional) ++depth.definition;
    begin(node, name);
    tree_.levels[node.id].present = depth.definition;
    if (element.type != Physical::none) {
      node.type = leaf_type(element);
      tree_.leaves.push_back({path_, element, depth.definition, depth.repetition});
      return end(node);
    }
    const Logical kind = element.logical.kind;
    if (kind == Logical::list && add_list(node, element, depth)) return;
    if (kind == Logical::map && add_map(node, element, depth)) return;
    node.type.kind = kind == Logical::variant ? ColumnKind::other : ColumnKind::structure;
    node.type.shown = kind == Logical::variant ? "VARIANT" : "a group";
    add_children(node, element, depth);
  }

  /// LIST around one repeated field, which is a group around the element, or the element itself.
  bool add_list(ColumnNode& node, const SchemaElement& group, Depth depth) {
    if (group.children != 1 || next_ >= schema_.size() ||
        schema_[next_].repetition != Repetition::repeated) {
      return false;
    }
    require(++depth.nesting <= kMaxDepth, "the schema nests too deep");
    const SchemaElement& repeated = take();
    node.type.kind = ColumnKind::list;
    node.type.shown = "LIST";
    NodeLevels& levels = tree_.levels[node.id];
    levels.element = ++depth.definition;
    levels.repetition = ++depth.repetition;
    // Older writers repeat the element itself: a leaf, a group of several fields, or one of these
    // names (LogicalTypes.md, "Backward-compatibility rules").
    const bool itself = repeated.type != Physical::none || repeated.children != 1 ||
                        repeated.name == "array" || repeated.name == group.name + "_tuple";
    ColumnNode& element = node.children.emplace_back();
    if (itself) {
      add_value(element, repeated, depth, "element");
    } else {
      add(element, depth);
    }
    end(node);
    return true;
  }

  bool add_map(ColumnNode& node, const SchemaElement& group, Depth depth) {
    if (group.children != 1 || next_ >= schema_.size() ||
        schema_[next_].repetition != Repetition::repeated || schema_[next_].children != 2) {
      return false;
    }
    require(++depth.nesting <= kMaxDepth, "the schema nests too deep");
    take();
    node.type.kind = ColumnKind::map;
    node.type.shown = "MAP";
    NodeLevels& levels = tree_.levels[node.id];
    levels.element = ++depth.definition;
    levels.repetition = ++depth.repetition;
    node.children.reserve(2);
    for (int i = 0; i < 2; ++i) add(node.children.emplace_back(), depth);
    end(node);
    // JSON's names are strings; a key that is a group makes none.
    if (!node.children[0].is_leaf()) node.type.kind = ColumnKind::other;
    return true;
  }

  const std::vector<SchemaElement>& schema_;
  std::size_t next_ = 0;
  std::string path_;  ///< to the field that is being added
  SchemaTree tree_;
};

}  // namespace

SchemaTree schema_tree(const FileMeta& meta) {
  return TreeBuilder(meta.schema).build();
}

}  // namespace embedtool::parquet
