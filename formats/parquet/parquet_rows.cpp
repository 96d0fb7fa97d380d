#include "formats/parquet/parquet_rows.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "formats/io/json_text.hpp"
#include "formats/parquet/parquet_footer.hpp"
#include "formats/parquet/parquet_schema.hpp"

namespace embedtool::parquet {

ParquetRows::ParquetRows(const RandomBytes& in, std::size_t page_bytes)
    : in_(in), budget_{.all = page_bytes} {
  meta_ = read_footer(in_).meta;
  tree_ = schema_tree(meta_);
  scale_int8();
}

/// The embeddings of our own int8 shards are numbers of a scale.
void ParquetRows::scale_int8() {
  for (const auto& [key, value] : meta_.key_values) {
    if (key != kInt8ScaleKey) continue;
    float scale = 0.0F;
    std::from_chars(value.data(), value.data() + value.size(), scale);
    for (ColumnNode& column : tree_.root.children) {
      const bool list = column.type.kind == ColumnKind::list;
      if (column.name == "embedding" && list && scale > 0) {
        column.children.front().type.factor = scale;
      }
    }
  }
}

std::uint64_t ParquetRows::confine(std::uint64_t begin, std::uint64_t end) {
  std::uint64_t rows_before = 0;
  std::uint64_t start = 0;  // never goes back, so that the order of the groups is kept
  std::vector<RowGroupMeta> inside;
  for (RowGroupMeta& group : meta_.row_groups) {
    std::int64_t first = std::numeric_limits<std::int64_t>::max();
    for (const ChunkMeta& chunk : group.chunks) first = std::min(first, chunk.offset());
    if (group.chunks.empty()) first = 0;
    start = std::max(start, static_cast<std::uint64_t>(std::max<std::int64_t>(first, 0)));
    require(group.rows >= 0, "a row group has a negative number of rows");
    if (start >= begin && start < end) {
      inside.push_back(std::move(group));
    } else if (start < begin) {
      rows_before += static_cast<std::uint64_t>(group.rows);
    }
  }
  meta_.row_groups = std::move(inside);
  return rows_before;
}

void ParquetRows::select(const std::vector<bool>& wanted) {
  wanted_ = wanted;
  wanted_.resize(tree_.levels.size());
  std::vector<bool> leaf_wanted(tree_.leaves.size());
  const auto mark = [&](const auto& self, const ColumnNode& node) -> void {
    if (!wanted_[node.id]) return;
    if (node.is_leaf()) leaf_wanted[levels(node).first_leaf] = true;
    for (const ColumnNode& child : node.children) self(self, child);
  };
  mark(mark, tree_.root);

  std::vector<std::size_t> before(tree_.leaves.size() + 1);  // wanted leaves before each
  for (std::size_t i = 0; i < tree_.leaves.size(); ++i) {
    before[i + 1] = before[i] + (leaf_wanted[i] ? 1 : 0);
    if (leaf_wanted[i]) readers_.emplace_back(tree_.leaves[i], budget_);
  }
  for (const NodeLevels& node : tree_.levels) {
    witness_.push_back(before[node.first_leaf]);
    n_readers_.push_back(before[node.first_leaf + node.leaves] - before[node.first_leaf]);
  }
  // Of the metadata, which may be large, only what is needed stays.
  for (RowGroupMeta& group : meta_.row_groups) {
    require(group.chunks.size() == tree_.leaves.size(), "a row group lacks columns");
    require(group.rows >= 0, "a row group has a negative number of rows");
    Group& kept = groups_.emplace_back();
    kept.rows = static_cast<std::uint64_t>(group.rows);
    for (std::size_t i = 0; i < leaf_wanted.size(); ++i) {
      const ChunkMeta& chunk = group.chunks[i];
      kept.end =
          std::max(kept.end, static_cast<std::uint64_t>(std::max<std::int64_t>(chunk.offset(), 0)));
      if (leaf_wanted[i]) kept.chunks.push_back(std::move(group.chunks[i]));
    }
  }
  meta_ = {};
}

void ParquetRows::open_group() {
  const Group& group = groups_[next_group_++];
  for (std::size_t i = 0; i < readers_.size(); ++i) {
    readers_[i].open(group.chunks[i], in_, codec_);
    require(group.rows == 0 || !readers_[i].ended(), "a column has fewer values than rows");
  }
  rows_left_ = group.rows;
  position_ = std::min(group.end, in_.size());
}

bool ParquetRows::next_row(Wait /*wait*/, bool& blocked) {
  blocked = false;
  while (rows_left_ == 0) {
    for (const LeafReader& reader : readers_) {
      require(next_group_ == 0 || reader.ended(), "a column has more values than rows");
    }
    if (next_group_ == groups_.size()) {
      position_ = in_.size();
      return false;
    }
    open_group();
  }
  --rows_left_;
  return true;
}

bool ParquetRows::scalar(const ColumnNode& leaf, std::string_view& raw) {
  LeafReader& reader = witness(leaf);
  if (!reader.has_value()) {
    reader.skip();
    return false;
  }
  raw = reader.take_value();
  return true;
}

ColumnRows::Found ParquetRows::numbers(const ColumnNode& list, std::size_t most,
                                       std::vector<double>& out) {
  LeafReader& reader = witness(list);
  const NodeLevels& at = levels(list);
  const ColumnType& type = list.children.front().type;
  const unsigned definition = reader.definition();
  require(reader.repetition() == 0, "a row starts inside a list");
  if (definition < at.element) {
    reader.skip();
    return definition < at.present ? Found::null : Found::numbers;
  }
  bool odd = false;
  std::size_t count = 0;
  do {
    if (!reader.has_value()) {
      odd = true;
      reader.skip();
    } else if (count < most) {
      const std::string_view raw = reader.take_values(at.repetition, most - count);
      append_numbers(type, raw, reader.value_width(), out);
      count += raw.size() / reader.value_width();
    } else {
      ++count;
      reader.skip();
    }
  } while (!reader.ended() && reader.repetition() == at.repetition);
  return odd ? Found::odd : count > most ? Found::too_many : Found::numbers;
}

/// Puts a row of a nested column together again, from the levels of the leaves below it. Source:
/// Melnik et al., "Dremel" (2010), section 4.3, in recursive form: the first leaf below a node
/// tells what there is of it.
class ParquetRows::JsonWriter {
 public:
  JsonWriter(ParquetRows& rows, std::size_t most, std::string& out)
      : rows_(rows), most_(out.size() + most), out_(out) {}

  void write(const ColumnNode& node) {
    const NodeLevels& levels = rows_.levels(node);
    LeafReader& leaf = rows_.witness(node);
    if (leaf.definition() < levels.present) {
      put("null");
      return pass_over(node, levels.present);
    }
    if (node.is_leaf()) {
      const std::string_view raw = leaf.take_value();
      if (has_room()) embedtool::append_json(out_, node.type, raw);
      return;
    }
    if (node.type.kind == ColumnKind::structure) return write_structure(node);
    write_elements(node, levels);
  }

  /// The entry at hand of every leaf below the node must be that of a row's beginning.
  void expect_row(const ColumnNode& node) const {
    for_leaves(node, [](LeafReader& leaf) {
      require(leaf.ended() || leaf.repetition() == 0, "the columns of a group disagree");
    });
  }

 private:
  bool has_room() const { return out_.size() <= most_; }
  void put(std::string_view text) {
    if (has_room()) out_ += text;
  }

  template <typename Act>
  void for_leaves(const ColumnNode& node, const Act& act) const {
    const std::size_t first = rows_.witness_[node.id];
    for (std::size_t i = 0; i < rows_.n_readers_[node.id]; ++i) act(rows_.readers_[first + i]);
  }

  /// The node is not there: every leaf below it has one entry that says so.
  void pass_over(const ColumnNode& node, unsigned present) {
    for_leaves(node, [&](LeafReader& leaf) {
      require(leaf.definition() < present, "the columns of a group disagree");
      leaf.skip();
    });
  }

  void write_structure(const ColumnNode& node) {
    bool first = true;
    for (const ColumnNode& child : node.children) {
      if (!rows_.wanted_[child.id]) continue;
      put(first ? "{" : ",");
      first = false;
      if (has_room()) append_json_string(out_, child.name);
      put(":");
      write(child);
    }
    put(first ? "{}" : "}");
  }

  void write_elements(const ColumnNode& node, const NodeLevels& levels) {
    const bool map = node.type.kind == ColumnKind::map;
    LeafReader& leaf = rows_.witness(node);
    if (leaf.definition() < levels.element) {
      put(map ? "{}" : "[]");
      return pass_over(node, levels.element);
    }
    put(map ? "{" : "[");
    while (true) {
      if (map) {
        write_key(node.children[0]);
        put(":");
      }
      write(node.children[map ? 1 : 0]);
      if (leaf.ended() || leaf.repetition() != levels.repetition) break;
      for_leaves(node, [&](LeafReader& each) {
        require(!each.ended() && each.repetition() == levels.repetition,
                "the columns of a group disagree");
      });
      put(",");
    }
    put(map ? "}" : "]");
  }

  void write_key(const ColumnNode& key) {
    const bool quoted = is_bare(key.type.kind);
    if (quoted) put("\"");
    write(key);
    if (quoted) put("\"");
  }

  ParquetRows& rows_;
  std::size_t most_;
  std::string& out_;
};

void ParquetRows::append_json(const ColumnNode& column, std::size_t most, std::string& out) {
  JsonWriter writer(*this, most, out);
  writer.expect_row(column);
  writer.write(column);
  writer.expect_row(column);
}

}  // namespace embedtool::parquet
