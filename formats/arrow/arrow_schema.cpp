#include "formats/arrow/arrow_schema.hpp"

#include <arrow_wire_generated.h>
#include <fmt/core.h>

#include <string>

#include "formats/columns/column_rows.hpp"
#include "formats/io/damaged.hpp"

namespace embedtool::arrow {
namespace {

constexpr unsigned kMaxDepth = 100;

/// A type of values that do not nest, and how they lie.
struct Flat {
  ColumnType type;
  Layout layout = Layout::fixed;
  std::size_t width = 0;
};

Flat flat(ColumnKind kind, Layout layout, std::size_t width, std::string shown) {
  Flat out;
  out.type.kind = kind;
  out.type.shown = std::move(shown);
  out.layout = layout;
  out.width = width;
  return out;
}

std::size_t bytes_of(std::int32_t bits) {
  require(bits == 8 || bits == 16 || bits == 32 || bits == 64 || bits == 128 || bits == 256,
          "numbers of an impossible size");
  return static_cast<std::size_t>(bits / 8);
}

unsigned fraction_of(std::int16_t unit) {
  require(unit >= 0 && unit <= 3, "an unknown unit of time");
  return 3 * static_cast<unsigned>(unit);
}

Flat integer(const wire::Integer& type) {
  require(type.bits() <= 64, "numbers of an impossible size");
  Flat out = flat(ColumnKind::integer, Layout::fixed, bytes_of(type.bits()),
                  fmt::format("{}int{}", type.is_signed() ? "" : "u", type.bits()));
  out.type.is_signed = type.is_signed();
  return out;
}

Flat floating(const wire::Float& type) {
  require(type.precision() >= 0 && type.precision() <= 2, "floats of an impossible size");
  constexpr ColumnKind kKinds[] = {ColumnKind::float16, ColumnKind::float32, ColumnKind::float64};
  const auto width = static_cast<std::size_t>(2 << type.precision());
  return flat(kKinds[type.precision()], Layout::fixed, width, fmt::format("float{}", width * 8));
}

Flat decimal(const wire::Decimal& type) {
  Flat out = flat(ColumnKind::decimal, Layout::fixed, bytes_of(type.bits()),
                  fmt::format("decimal({}, {})", type.precision(), type.scale()));
  require(type.scale() >= -76 && type.scale() <= 76, "a decimal has an impossible scale");
  out.type.scale = type.scale();
  return out;
}

Flat clock(ColumnKind kind, std::int16_t unit, std::size_t width, std::string shown) {
  Flat out = flat(kind, Layout::fixed, width, std::move(shown));
  out.type.fraction = fraction_of(unit);
  return out;
}

Flat timestamp(const wire::Timestamp& type) {
  Flat out = clock(ColumnKind::timestamp, type.unit(), 8, "timestamp");
  out.type.utc = type.zone() != nullptr && type.zone()->size() > 0;
  return out;
}

Flat fixed_binary(const wire::FixedSizeBinary& type) {
  require(type.width() >= 0, "values of a negative size");
  return flat(ColumnKind::string, Layout::fixed, static_cast<std::size_t>(type.width()),
              fmt::format("fixed_size_binary({})", type.width()));
}

/// Types whose values have no parts; false for the others.
bool read_flat(const wire::Field& field, Flat& out) {
  switch (field.type_type()) {
    case wire::Type_Null:
      out = flat(ColumnKind::null, Layout::none, 0, "null");
      return true;
    case wire::Type_Integer:
      out = integer(*field.type_as_Integer());
      return true;
    case wire::Type_Float:
      out = floating(*field.type_as_Float());
      return true;
    case wire::Type_Boolean:
      out = flat(ColumnKind::boolean, Layout::bits, 0, "bool");
      return true;
    case wire::Type_Utf8:
    case wire::Type_Binary:
      out = flat(ColumnKind::string, Layout::strings32, 0, "string");
      return true;
    case wire::Type_LargeUtf8:
    case wire::Type_LargeBinary:
      out = flat(ColumnKind::string, Layout::strings64, 0, "large_string");
      return true;
    case wire::Type_Utf8View:
    case wire::Type_BinaryView:
      out = flat(ColumnKind::string, Layout::views, 0, "string_view");
      return true;
    case wire::Type_FixedSizeBinary:
      out = fixed_binary(*field.type_as_FixedSizeBinary());
      return true;
    case wire::Type_Decimal:
      out = decimal(*field.type_as_Decimal());
      return true;
    case wire::Type_Date: {
      const bool days = field.type_as_Date()->unit() == 0;
      out = flat(ColumnKind::date, Layout::fixed, days ? 4 : 8, "date");
      out.type.fraction = days ? 0 : 3;
      return true;
    }
    case wire::Type_Time:
      out = clock(ColumnKind::time, field.type_as_Time()->unit(),
                  bytes_of(field.type_as_Time()->bits()), "time");
      return true;
    case wire::Type_Timestamp:
      out = timestamp(*field.type_as_Timestamp());
      return true;
    case wire::Type_Duration:
      out = clock(ColumnKind::duration, field.type_as_Duration()->unit(), 8, "duration");
      return true;
    case wire::Type_Interval:
      out = flat(ColumnKind::other, Layout::fixed, 0, "interval");
      return true;
    default:
      return false;
  }
}

class SchemaReader {
 public:
  ArrowSchema read(const wire::Schema& schema) {
    if (schema.big_endian() != 0) throw Unsupported("its numbers are big-endian");
    out_.layouts.emplace_back();
    out_.layouts.back().layout = Layout::structure;
    out_.root.type.kind = ColumnKind::structure;
    add_children(out_.root, schema.fields(), 0);
    return std::move(out_);
  }

 private:
  using Fields = flatbuffers::Vector<flatbuffers::Offset<wire::Field>>;

  void add_children(ColumnNode& node, const Fields* fields, unsigned depth) {
    require(depth < kMaxDepth, "the schema nests too deep");
    if (fields == nullptr) return;
    node.children.reserve(fields->size());
    for (const wire::Field* field : *fields) {
      add(node.children.emplace_back(), *field, node.id, depth + 1);
    }
  }

  void add(ColumnNode& node, const wire::Field& field, std::size_t parent, unsigned depth) {
    if (field.name() != nullptr) node.name = field.name()->str();
    node.id = out_.layouts.size();
    out_.layouts.emplace_back();
    out_.layouts.back().parent = parent;
    require(field.type() != nullptr, "a column is of no known type");
    Flat type;
    if (read_flat(field, type)) {
      node.type = type.type;
      out_.layouts[node.id].layout = type.layout;
      out_.layouts[node.id].width = type.width;
    } else {
      add_nested(node, field, depth);
    }
    if (field.dictionary() != nullptr) use_dictionary(node, *field.dictionary());
  }

  /// The batches hold numbers of values; where these have parts, they cannot be read.
  void use_dictionary(ColumnNode& node, const wire::DictionaryEncoding& dictionary) {
    if (!node.is_leaf()) {
      node.children.clear();
      node.type.kind = ColumnKind::other;
      node.type.shown = "dictionary of " + node.type.shown;
      out_.layouts.resize(node.id + 1);
    }
    NodeLayout& layout = out_.layouts[node.id];
    layout.is_dictionary = true;
    layout.dictionary = dictionary.id();
    layout.values = layout.layout;
    layout.value_width = layout.width;
    layout.layout = Layout::fixed;
    const wire::Integer* index = dictionary.index();
    layout.width = index == nullptr ? 4 : integer(*index).width;
  }

  void set(ColumnNode& node, Layout layout, ColumnKind kind, const char* shown) {
    out_.layouts[node.id].layout = layout;
    node.type.kind = kind;
    node.type.shown = shown;
  }

  void add_nested(ColumnNode& node, const wire::Field& field, unsigned depth) {
    switch (field.type_type()) {
      case wire::Type_List:
        set(node, Layout::list32, ColumnKind::list, "list");
        break;
      case wire::Type_LargeList:
        set(node, Layout::list64, ColumnKind::list, "large_list");
        break;
      case wire::Type_FixedSizeList: {
        set(node, Layout::list_fixed, ColumnKind::list, "fixed_size_list");
        const std::int32_t size = field.type_as_FixedSizeList()->size();
        require(size >= 0, "lists of a negative size");
        out_.layouts[node.id].width = static_cast<std::size_t>(size);
        break;
      }
      case wire::Type_Structure:
        set(node, Layout::structure, ColumnKind::structure, "struct");
        break;
      case wire::Type_Map:
        return add_map(node, field, depth);
      case wire::Type_Union:
        set(node, field.type_as_Union()->mode() == 0 ? Layout::union_sparse : Layout::union_dense,
            ColumnKind::other, "union");
        break;
      case wire::Type_RunEndEncoded:
        set(node, Layout::run_ends, ColumnKind::other, "run_end_encoded");
        break;
      case wire::Type_ListView:
      case wire::Type_LargeListView:
        set(node, Layout::list_view, ColumnKind::other, "list_view");
        break;
      default:
        throw Unsupported(fmt::format("column '{}' is of a type that is not known", node.name));
    }
    add_children(node, field.children(), depth);
    if (node.type.kind == ColumnKind::list) {
      require(node.children.size() == 1, "a list has no element, or several");
    }
  }

  /// A list of structures of a key and a value, which as a ColumnNode has these two as children:
  /// the structure between them has a layout, under the id before theirs, but no node.
  void add_map(ColumnNode& node, const wire::Field& field, unsigned depth) {
    set(node, Layout::list32, ColumnKind::map, "map");
    const bool one = field.children() != nullptr && field.children()->size() == 1;
    require(one && depth < kMaxDepth, "a map has no entries");
    const wire::Field* entries = field.children()->Get(0);
    require(entries->children() != nullptr && entries->children()->size() == 2,
            "a map's entries are not a key and a value");
    const std::size_t entry = out_.layouts.size();
    out_.layouts.emplace_back();
    out_.layouts.back().parent = node.id;
    out_.layouts.back().layout = Layout::structure;
    node.children.reserve(2);
    for (const wire::Field* child : *entries->children()) {
      add(node.children.emplace_back(), *child, entry, depth + 1);
    }
    if (!node.children[0].is_leaf()) node.type.kind = ColumnKind::other;
  }

  ArrowSchema out_;
};

}  // namespace

ArrowSchema read_schema(const wire::Schema& schema) {
  return SchemaReader().read(schema);
}

}  // namespace embedtool::arrow
