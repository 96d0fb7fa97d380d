#include "formats/parquet/parquet_schema.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>

#include "core/base/error.hpp"
#include "formats/io/damaged.hpp"

namespace embedtool::parquet {
namespace {

constexpr std::array<std::string_view, 5> kOwnColumns = {"id", "embedding", "n_tokens", "truncated",
                                                         "text_hash"};
constexpr std::string_view kDimsKey = "embedtool.dims";
constexpr std::string_view kTypeKey = "embedtool.dtype";
constexpr std::string_view kMultiKey = "embedtool.multi_vector";
constexpr std::string_view kSparseKey = "embedtool.sparse";  // in sparse outputs only
/// A dimension count beyond this is a mistake or an attack.
constexpr std::size_t kMaxDims = std::size_t{1} << 20;

class LayoutBuilder {
 public:
  void leaf(Role role, const std::string& name, Physical type, Repetition repetition,
            Logical logical, std::int32_t type_length = 0) {
    add({name, type, type_length, repetition, 0, logical});
    const auto definition = static_cast<std::uint8_t>(repetition == Repetition::optional ? 1 : 0);
    layout_.columns.push_back({role, {name}, type, type_length, Encoding::plain, definition, 0});
    ++top_level_;
  }

  /// The embedding: `depth` lists around one element, by the three-level rule of
  /// LogicalTypes.md (list group, repeated group `list`, `element`).
  void lists(unsigned depth, ColumnLayout column, LogicalType element_logical) {
    column.role = Role::embedding;
    column.max_definition = static_cast<std::uint8_t>(depth);
    column.max_repetition = static_cast<std::uint8_t>(depth);
    std::string name = "embedding";
    for (unsigned level = 0; level < depth; ++level) {
      add({name, Physical::none, 0, Repetition::required, 1, Logical::list});
      add({"list", Physical::none, 0, Repetition::repeated, 1, Logical::none});
      column.path.push_back(name);
      column.path.emplace_back("list");
      name = "element";
    }
    add({name, column.type, column.type_length, Repetition::required, 0, element_logical});
    column.path.push_back(name);
    layout_.columns.push_back(std::move(column));
    ++top_level_;
  }

  /// A sparse embedding, by LogicalTypes.md's rule for maps.
  void token_weights() {
    const std::vector<std::string> path{"embedding", "key_value"};
    add({path[0], Physical::none, 0, Repetition::required, 1, Logical::map});
    add({path[1], Physical::none, 0, Repetition::repeated, 2, Logical::none});
    add({"key", Physical::byte_array, 0, Repetition::required, 0, Logical::string});
    add({"value", Physical::float32, 0, Repetition::required, 0, Logical::none});
    layout_.columns.push_back({Role::embedding,
                               {path[0], path[1], "key"},
                               Physical::byte_array,
                               0,
                               Encoding::plain,
                               1,
                               1});
    layout_.columns.push_back({Role::embedding,
                               {path[0], path[1], "value"},
                               Physical::float32,
                               0,
                               Encoding::byte_stream_split,
                               1,
                               1});
    ++top_level_;
  }

  Layout finish() {
    layout_.schema.insert(layout_.schema.begin(),
                          {"schema", Physical::none, 0, Repetition::none, top_level_, {}});
    return std::move(layout_);
  }

 private:
  void add(SchemaElement element) { layout_.schema.push_back(std::move(element)); }

  Layout layout_;
  std::int32_t top_level_ = 0;
};

void add_embedding(const OutputSpec& spec, LayoutBuilder& builder) {
  if (spec.kind == RowKind::sparse) return builder.token_weights();
  ColumnLayout column;
  switch (spec.type) {
    case OutputType::f32:
      column.type = Physical::float32;
      column.encoding = Encoding::byte_stream_split;
      builder.lists(nesting(spec), column, Logical::none);
      return;
    case OutputType::f16:
      // Not split: readers that know BYTE_STREAM_SPLIT for FLOAT often lack it for FLOAT16.
      column.type = Physical::fixed;
      column.type_length = 2;
      builder.lists(nesting(spec), column, Logical::float16);
      return;
    case OutputType::int8:
      // Parquet stores INT8 in 32 bits; a dictionary of the 256 values brings a value back to the
      // one byte it is, in an encoding that every reader has.
      column.type = Physical::int32;
      column.encoding = Encoding::rle_dictionary;
      builder.lists(nesting(spec), column, LogicalType::integer(8, true));
      return;
    case OutputType::binary:
      column.type = Physical::fixed;
      column.type_length = static_cast<std::int32_t>(spec.vector_bytes());
      builder.lists(nesting(spec), column, Logical::none);
      return;
  }
}

void check_kept_names(const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool own =
        std::find(kOwnColumns.begin(), kOwnColumns.end(), names[i]) != kOwnColumns.end();
    const auto here = names.begin() + static_cast<std::ptrdiff_t>(i);
    if (own || names[i].empty() || std::find(names.begin(), here, names[i]) != here) {
      throw Error(ExitCode::usage,
                  "kept field '{}': the output already has a column of that name; remove it from "
                  "--keep or rename the field",
                  names[i]);
    }
  }
}

/// All of `text` as a number.
template <typename Number>
Number parse(std::string_view text, const char* what) {
  Number value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  require(code == std::errc() && end == text.data() + text.size(), what);
  return value;
}

std::string print(float value) {
  std::array<char, 32> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

/// Kept fields are the optional top-level leaves.
std::vector<std::string> kept_names(const FileMeta& meta) {
  std::vector<std::string> names;
  for (const SchemaElement& element : meta.schema) {
    if (element.repetition == Repetition::optional) names.push_back(element.name);
  }
  return names;
}

}  // namespace

void check_spec(const OutputSpec& spec) {
  if (spec.dims == 0 || spec.dims > kMaxDims) {
    throw Error(ExitCode::usage, "vectors of {} dimensions cannot be written (1 to {})", spec.dims,
                kMaxDims);
  }
  if (spec.kind == RowKind::sparse && spec.type != OutputType::f32) {
    throw Error(ExitCode::usage, "sparse weights are written as f32");
  }
  check_kept_names(spec.kept_fields);
}

Layout layout_of(const OutputSpec& spec) {
  check_spec(spec);
  LayoutBuilder builder;
  const Repetition required = Repetition::required;
  builder.leaf(Role::id, "id", Physical::byte_array, required, Logical::string);
  add_embedding(spec, builder);
  builder.leaf(Role::n_tokens, "n_tokens", Physical::int32, required, Logical::none);
  builder.leaf(Role::truncated, "truncated", Physical::boolean, required, Logical::none);
  builder.leaf(Role::text_hash, "text_hash", Physical::fixed, required, Logical::none, 16);
  for (const std::string& name : spec.kept_fields) {
    builder.leaf(Role::kept, name, Physical::byte_array, Repetition::optional, Logical::string);
  }
  return builder.finish();
}

std::vector<std::pair<std::string, std::string>> key_values_of(const OutputSpec& spec) {
  std::vector<std::pair<std::string, std::string>> out = {
      {std::string(kDimsKey), std::to_string(spec.dims)},
      {std::string(kTypeKey), std::string(name_of(spec.type))},
      {std::string(kMultiKey), spec.kind == RowKind::multi ? "true" : "false"},
      {std::string(kInt8ScaleKey), print(spec.int8_scale)},
  };
  if (spec.kind == RowKind::sparse) out.emplace_back(kSparseKey, "true");
  out.insert(out.end(), spec.metadata.begin(), spec.metadata.end());
  return out;
}

// The spec is read from the metadata, the schema is made from it anew, and the file's must equal
// it: one comparison in place of a check for each way in which a schema can be odd.
OutputSpec spec_of(const FileMeta& meta) {
  OutputSpec spec;
  const auto& kv = meta.key_values;
  require(kv.size() >= 4 && kv[0].first == kDimsKey && kv[1].first == kTypeKey &&
              kv[2].first == kMultiKey && kv[3].first == kInt8ScaleKey,
          "no embedtool.* metadata: not written by embedtool");
  spec.dims = parse<std::size_t>(kv[0].second, "bad embedtool.dims");
  require(spec.dims > 0 && spec.dims <= kMaxDims, "bad embedtool.dims");
  const std::optional<OutputType> type = find_named<OutputType>(kv[1].second);
  require(type.has_value(), "unknown embedtool.dtype");
  spec.type = *type;
  const bool sparse = kv.size() > 4 && kv[4].first == kSparseKey;
  const bool multi = kv[2].second == "true";
  require(!sparse || !multi, "both sparse and multi-vector");
  spec.kind = sparse ? RowKind::sparse : multi ? RowKind::multi : RowKind::dense;
  spec.int8_scale = parse<float>(kv[3].second, "bad embedtool.int8_scale");
  spec.metadata.assign(kv.begin() + (sparse ? 5 : 4), kv.end());
  spec.kept_fields = kept_names(meta);
  try {
    require(layout_of(spec).schema == meta.schema, "the columns are not those of embedtool");
  } catch (const Error& error) {
    throw Damaged(error.what());
  }
  return spec;
}

}  // namespace embedtool::parquet
