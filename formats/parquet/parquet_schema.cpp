#include "formats/parquet/parquet_schema.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "core/base/error.hpp"
#include "formats/arrow/arrow_writer.hpp"
#include "formats/io/damaged.hpp"

namespace embedtool::parquet {
namespace {

constexpr std::array<std::string_view, 5> kOwnColumns = {"id", "embedding", "n_tokens", "truncated",
                                                         "text_hash"};
constexpr std::string_view kDimsKey = "embedtool.dims";
constexpr std::string_view kTypeKey = "embedtool.dtype";
constexpr std::string_view kMultiKey = "embedtool.multi_vector";
constexpr std::string_view kSparseKey = "embedtool.sparse";  // in sparse outputs only
constexpr std::string_view kIndexedWord = "indexed";         // its value where there are indices
constexpr std::string_view kChunksKey = "embedtool.chunks";  // where rows are chunks only
constexpr std::string_view kSpansWord = "spans";             // its values: without and with texts
constexpr std::string_view kTextsWord = "texts";
constexpr std::string_view kIndices = "indices";
// Of version 2 of the format on.
constexpr std::string_view kEncodingKey = "embedtool.encoding";
constexpr std::string_view kVectorTypeKey = "embedtool.vector_type";
constexpr std::string_view kArrowKey = "ARROW:schema";
/// A dimension count beyond this is a mistake or an attack.
constexpr std::size_t kMaxDims = std::size_t{1} << 20;

class LayoutBuilder {
 public:
  /// A column of single values. Hashes neither compress nor have an order that anybody asks for.
  void leaf(Role role, const std::string& name, Physical type, Repetition repetition,
            LogicalType logical, std::int32_t type_length = 0) {
    add({name, type, type_length, repetition, 0, logical});
    ColumnLayout column;
    column.role = role;
    column.path = {name};
    column.type = type;
    column.type_length = type_length;
    column.packing = type == Physical::fixed ? Packing::none : Packing::zstd;
    column.searched = type != Physical::fixed;
    column.looked_up = role == Role::id || (role == Role::chunk && name == kChunkDocument);
    column.max_definition = repetition == Repetition::optional ? 1 : 0;
    layout_.columns.push_back(std::move(column));
    ++top_level_;
  }

  /// The embedding: `depth` lists around one element, by the three-level rule of
  /// LogicalTypes.md (list group, repeated group `list`, `element`).
  void lists(unsigned depth, ColumnLayout column, LogicalType element_logical,
             std::string name = "embedding") {
    column.role = Role::embedding;
    column.max_definition = static_cast<std::uint8_t>(depth);
    column.max_repetition = static_cast<std::uint8_t>(depth);
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

  /// A sparse embedding, by LogicalTypes.md's rule for maps; `weights` says how they are stored.
  void token_weights(ColumnLayout weights) {
    const std::vector<std::string> path{"embedding", "key_value"};
    add({path[0], Physical::none, 0, Repetition::required, 1, Logical::map});
    add({path[1], Physical::none, 0, Repetition::repeated, 2, Logical::none});
    add({"key", Physical::byte_array, 0, Repetition::required, 0, Logical::string});
    add({"value", Physical::float32, 0, Repetition::required, 0, Logical::none});
    ColumnLayout tokens;
    tokens.role = Role::embedding;
    tokens.path = {path[0], path[1], "key"};
    tokens.type = Physical::byte_array;
    tokens.max_definition = tokens.max_repetition = 1;
    weights.role = Role::embedding;
    weights.path = {path[0], path[1], "value"};
    weights.type = Physical::float32;
    weights.max_definition = weights.max_repetition = 1;
    layout_.columns.push_back(std::move(tokens));
    layout_.columns.push_back(std::move(weights));
    ++top_level_;
  }

  Layout finish(bool old) {
    if (old) {
      for (ColumnLayout& column : layout_.columns) {
        column.packing = Packing::zstd;
        column.searched = column.looked_up = false;
      }
    }
    layout_.schema.insert(layout_.schema.begin(),
                          {"schema", Physical::none, 0, Repetition::none, top_level_, {}});
    return std::move(layout_);
  }

 private:
  void add(SchemaElement element) { layout_.schema.push_back(std::move(element)); }

  Layout layout_;
  std::int32_t top_level_ = 0;
};

/// Numbers as they come are not worth compressing: of f32, ZSTD saves 7 % and takes a second a
/// gigabyte, for every reader too.
ColumnLayout stored_as(bool split) {
  ColumnLayout column;
  if (split) column.encoding = Encoding::byte_stream_split;
  column.packing = split ? Packing::zstd_entropy : Packing::none;
  return column;
}

void add_embedding(const OutputSpec& spec, const FileForm& form, LayoutBuilder& builder) {
  const bool split = form.encoding == VectorEncoding::split;
  if (spec.kind == RowKind::sparse) {
    builder.token_weights(stored_as(split));
    ColumnLayout indices;
    indices.type = Physical::int32;
    const LogicalType number = LogicalType::integer(32, true);
    if (form.indexed) builder.lists(1, indices, number, std::string(kIndices));
    return;
  }
  // Version 1 left f16 as it was.
  ColumnLayout column = stored_as(split && !(form.old && spec.type != OutputType::f32));
  switch (spec.type) {
    case OutputType::f32:
      column.type = Physical::float32;
      builder.lists(nesting(spec), column, Logical::none);
      return;
    case OutputType::f16:
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
      // Bits neither split nor compress.
      column = stored_as(false);
      column.type = Physical::fixed;
      column.type_length = static_cast<std::int32_t>(spec.vector_bytes());
      builder.lists(nesting(spec), column, Logical::none);
      return;
  }
}

/// Whether a column that is neither kept nor in every output has this name.
bool is_extra_column(const OutputSpec& spec, std::string_view name) {
  if (spec.kind == RowKind::sparse && name == kIndices) return true;
  if (!spec.chunked) return false;
  if (name == kChunkDocument || (spec.chunk_text && name == kChunkText)) return true;
  return std::any_of(kChunkNumbers.begin(), kChunkNumbers.end(),
                     [&](const ChunkNumber& number) { return number.name == name; });
}

void add_chunks(const OutputSpec& spec, LayoutBuilder& builder) {
  if (!spec.chunked) return;
  const Repetition required = Repetition::required;
  builder.leaf(Role::chunk, std::string(kChunkDocument), Physical::byte_array, required,
               Logical::string);
  for (const ChunkNumber& number : kChunkNumbers) {
    builder.leaf(Role::chunk, std::string(number.name), Physical::int32, required,
                 LogicalType::integer(32, true));
  }
  if (!spec.chunk_text) return;
  builder.leaf(Role::chunk, std::string(kChunkText), Physical::byte_array, required,
               Logical::string);
}

void check_kept_names(const OutputSpec& spec) {
  std::vector<std::string> names;
  for (const KeptField& field : spec.kept_fields) names.push_back(field.name);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool own =
        std::find(kOwnColumns.begin(), kOwnColumns.end(), names[i]) != kOwnColumns.end();
    const bool extra = is_extra_column(spec, names[i]);
    const auto here = names.begin() + static_cast<std::ptrdiff_t>(i);
    if (own || extra || names[i].empty() || std::find(names.begin(), here, names[i]) != here) {
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

template <HasWords E>
E parse_word(std::string_view text, const char* what) {
  const std::optional<E> value = find_named<E>(text);
  require(value.has_value(), what);
  return *value;
}

/// Takes what says how the file is laid out from the front of `kv`; version 1 had no words for it.
FileForm take_form(std::span<const std::pair<std::string, std::string>>& kv) {
  if (kv.empty() || kv[0].first != kEncodingKey) {
    return {VectorEncoding::split, VectorType::list, true, false};
  }
  require(kv.size() >= 2 && kv[1].first == kVectorTypeKey, "no embedtool.vector_type");
  FileForm form;
  form.encoding = parse_word<VectorEncoding>(kv[0].second, "unknown embedtool.encoding");
  form.vectors = parse_word<VectorType>(kv[1].second, "unknown embedtool.vector_type");
  kv = kv.subspan(2);
  return form;
}

/// Where there are no vectors, there is nothing that Arrow's readers would not see without it.
bool has_arrow_schema(const OutputSpec& spec, const FileForm& form) {
  return !form.old && form.vectors == VectorType::fixed && spec.kind != RowKind::sparse;
}

std::string arrow_schema(const OutputSpec& spec) {
  return arrow::encoded_schema(arrow::fields_of(spec, true));
}

/// How the values of a kept field are stored.
struct KeptColumn {
  FieldType type;
  Physical stored;
  LogicalType logical;
};
const std::array<KeptColumn, 4> kKeptColumns = {{
    {FieldType::string, Physical::byte_array, Logical::string},
    {FieldType::int64, Physical::int64, LogicalType::integer(64, true)},
    {FieldType::float64, Physical::float64, Logical::none},
    {FieldType::boolean, Physical::boolean, Logical::none},
}};

void add_kept(const OutputSpec& spec, LayoutBuilder& builder) {
  for (const KeptField& field : spec.kept_fields) {
    const auto* column =
        std::find_if(kKeptColumns.begin(), kKeptColumns.end(),
                     [&](const KeptColumn& each) { return each.type == field.type; });
    builder.leaf(Role::kept, field.name, column->stored, Repetition::optional, column->logical);
  }
}

/// Kept fields are the optional top-level leaves.
std::vector<KeptField> kept_fields(const FileMeta& meta) {
  std::vector<KeptField> fields;
  for (const SchemaElement& element : meta.schema) {
    if (element.repetition != Repetition::optional) continue;
    KeptField& field = fields.emplace_back(KeptField{element.name});
    for (const KeptColumn& column : kKeptColumns) {
      if (column.stored == element.type) field.type = column.type;
    }
  }
  return fields;
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
  check_kept_names(spec);
}

Layout layout_of(const OutputSpec& spec, const FileForm& form) {
  check_spec(spec);
  LayoutBuilder builder;
  const Repetition required = Repetition::required;
  builder.leaf(Role::id, "id", Physical::byte_array, required, Logical::string);
  add_embedding(spec, form, builder);
  const LogicalType count = form.old ? LogicalType() : LogicalType::integer(32, true);
  builder.leaf(Role::n_tokens, "n_tokens", Physical::int32, required, count);
  builder.leaf(Role::truncated, "truncated", Physical::boolean, required, Logical::none);
  builder.leaf(Role::text_hash, "text_hash", Physical::fixed, required, Logical::none, 16);
  add_chunks(spec, builder);
  add_kept(spec, builder);
  return builder.finish(form.old);
}

std::vector<std::pair<std::string, std::string>> key_values_of(const OutputSpec& spec,
                                                               const FileForm& form) {
  std::vector<std::pair<std::string, std::string>> out = {
      {std::string(kDimsKey), std::to_string(spec.dims)},
      {std::string(kTypeKey), std::string(name_of(spec.type))},
      {std::string(kMultiKey), spec.kind == RowKind::multi ? "true" : "false"},
      {std::string(kInt8ScaleKey), print(spec.int8_scale)},
  };
  if (spec.kind == RowKind::sparse) {
    out.emplace_back(kSparseKey, form.indexed ? kIndexedWord : std::string_view("true"));
  }
  if (spec.chunked) out.emplace_back(kChunksKey, spec.chunk_text ? kTextsWord : kSpansWord);
  out.emplace_back(kEncodingKey, name_of(form.encoding));
  out.emplace_back(kVectorTypeKey, name_of(form.vectors));
  out.insert(out.end(), spec.metadata.begin(), spec.metadata.end());
  if (has_arrow_schema(spec, form)) out.emplace_back(kArrowKey, arrow_schema(spec));
  return out;
}

// Spec and form are read from the metadata, the schema is made from them anew, and the file's must
// equal it: one comparison in place of a check for each way in which a schema can be odd.
FileSpec spec_of(const FileMeta& meta) {
  FileSpec file;
  OutputSpec& spec = file.spec;
  std::span<const std::pair<std::string, std::string>> kv(meta.key_values);
  require(kv.size() >= 4 && kv[0].first == kDimsKey && kv[1].first == kTypeKey &&
              kv[2].first == kMultiKey && kv[3].first == kInt8ScaleKey,
          "no embedtool.* metadata: not written by embedtool");
  spec.dims = parse<std::size_t>(kv[0].second, "bad embedtool.dims");
  require(spec.dims > 0 && spec.dims <= kMaxDims, "bad embedtool.dims");
  spec.type = parse_word<OutputType>(kv[1].second, "unknown embedtool.dtype");
  spec.int8_scale = parse<float>(kv[3].second, "bad embedtool.int8_scale");
  const bool multi = kv[2].second == "true";
  kv = kv.subspan(4);
  const bool sparse = !kv.empty() && kv[0].first == kSparseKey;
  const bool indexed = sparse && kv[0].second == kIndexedWord;
  if (sparse) kv = kv.subspan(1);
  if (!kv.empty() && kv[0].first == kChunksKey) {
    spec.chunked = true;
    spec.chunk_text = kv[0].second == kTextsWord;
    require(spec.chunk_text || kv[0].second == kSpansWord, "unknown embedtool.chunks");
    kv = kv.subspan(1);
  }
  require(!sparse || !multi, "both sparse and multi-vector");
  spec.kind = sparse ? RowKind::sparse : multi ? RowKind::multi : RowKind::dense;
  file.form = take_form(kv);
  file.form.indexed = indexed;
  spec.kept_fields = kept_fields(meta);
  try {
    require(layout_of(spec, file.form).schema == meta.schema,
            "the columns are not those of embedtool");
    if (has_arrow_schema(spec, file.form)) {
      require(!kv.empty() && kv.back().first == kArrowKey && kv.back().second == arrow_schema(spec),
              "its ARROW:schema is not that of its columns");
      kv = kv.first(kv.size() - 1);
    }
  } catch (const Error& error) {
    throw Damaged(error.what());
  }
  spec.metadata.assign(kv.begin(), kv.end());
  return file;
}

}  // namespace embedtool::parquet
