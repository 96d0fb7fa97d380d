#pragma once

// The columns of an output and their layout: one table, used by writer and reader.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/data.hpp"
#include "formats/parquet/parquet_codec.hpp"
#include "formats/parquet/parquet_metadata.hpp"

namespace embedtool {

/// How Parquet stores the numbers of vectors.
enum class VectorEncoding : std::uint8_t {
  plain,  ///< PLAIN and uncompressed, int8 as RLE_DICTIONARY: every reader has these
  split,  ///< BYTE_STREAM_SPLIT and ZSTD: the smallest
};
template <>
inline constexpr auto enum_words<VectorEncoding> = std::to_array<EnumWord<VectorEncoding>>({
    {VectorEncoding::plain, "plain"},
    {VectorEncoding::split, "split"},
});

/// What a vector is to readers that know Arrow's types; to Parquet it is a LIST.
enum class VectorType : std::uint8_t {
  fixed,  ///< FixedSizeList, by the key ARROW:schema
  list,   ///< List
};
template <>
inline constexpr auto enum_words<VectorType> = std::to_array<EnumWord<VectorType>>({
    {VectorType::fixed, "fixed"},
    {VectorType::list, "list"},
});

}  // namespace embedtool

namespace embedtool::parquet {

// Limits of our layout. A row group is cut after the row that reaches either of the first two, a
// page after the row that reaches the third; rows never span pages. They bound the writer's and
// the reader's memory, and they are functions of the rows alone, or of a setting.
inline constexpr std::size_t kRowGroupRows = 65536;
inline constexpr std::size_t kRowGroupBytes = std::size_t{16} << 20;  ///< the default
inline constexpr std::size_t kPageBytes = std::size_t{1} << 20;
/// No single value (a text, a row's vectors) may be larger. Levels add at most a third to a page (5
/// bytes per 16 one-byte elements, when runs and packed groups take turns), which then keeps within
/// kMaxPageBytes.
inline constexpr std::size_t kMaxValueBytes = std::size_t{192} << 20;
/// Version of the files' format, raised with their layout; version 1 is FileForm::old.
inline constexpr int kFormatVersion = 2;
/// Metadata of our files: an int8 of an embedding stands for so many times itself; 0: there are
/// none.
inline constexpr std::string_view kInt8ScaleKey = "embedtool.int8_scale";

/// How a file of ours is laid out.
struct FileForm {
  VectorEncoding encoding = VectorEncoding::plain;
  VectorType vectors = VectorType::fixed;
  /// As version 1 of the format was: split f32, everything compressed, no statistics, no indexes.
  bool old = false;
  /// Sparse: a column of the tokens' numbers in the vocabulary, for stores that know no names.
  bool indexed = true;
};

enum class Role : std::uint8_t { id, embedding, n_tokens, truncated, text_hash, chunk, kept };

// Columns in layout_of()'s order; place_of() gives those after the embedding.
inline constexpr std::size_t kId = 0;
inline constexpr std::size_t kEmbedding = 1;
inline constexpr std::size_t kTokens = 2;
inline constexpr std::size_t kTruncated = 3;
inline constexpr std::size_t kTextHash = 4;
inline constexpr std::size_t kFirstChunk = 5;
/// Columns that say of what the rows are chunks; see kChunkNumbers.
inline std::size_t chunk_columns(const OutputSpec& spec) {
  if (!spec.chunked) return 0;
  return 1 + kChunkNumbers.size() + (spec.chunk_text ? 1 : 0);
}
inline std::size_t first_kept(const OutputSpec& spec) {
  return kFirstChunk + chunk_columns(spec);
}

// A sparse embedding takes two columns, the tokens' names and their weights; their numbers follow.
inline constexpr std::size_t kWeights = 2;
inline constexpr std::size_t kIndices = 3;
inline std::size_t place_of(const OutputSpec& spec, const FileForm& form, std::size_t column) {
  if (spec.kind != RowKind::sparse || column <= kEmbedding) return column;
  return column + (form.indexed ? 2 : 1);
}

struct ColumnLayout {
  Role role = Role::id;
  std::vector<std::string> path;
  Physical type = Physical::none;
  std::int32_t type_length = 0;  ///< of `fixed`
  Encoding encoding = Encoding::plain;
  Packing packing = Packing::zstd;
  /// Its statistics are written: one may search for its values.
  bool searched = false;
  /// Its Bloom filter is written: one may look for a row by its value.
  bool looked_up = false;
  std::uint8_t max_definition = 0;
  std::uint8_t max_repetition = 0;
};

struct Layout {
  std::vector<SchemaElement> schema;
  std::vector<ColumnLayout> columns;
};

/// Columns: id, embedding, n_tokens, truncated, text_hash, those of chunks, then the kept fields.
/// The embedding is a list of numbers or, for sparse output, MAP<STRING, FLOAT>, heaviest token
/// first, followed by a column `indices`, LIST<INT32>, of the same tokens in the same order. Throws
/// Error(usage) if dims is 0 or a kept field's name is already used.
Layout layout_of(const OutputSpec& spec, const FileForm& form);

/// Throws the same errors as layout_of(): for sinks of other formats, whose columns have the same
/// names.
void check_spec(const OutputSpec& spec);

/// Key-value metadata: what a reader needs to know of spec and form, then spec.metadata, then
/// ARROW:schema.
std::vector<std::pair<std::string, std::string>> key_values_of(const OutputSpec& spec,
                                                               const FileForm& form);

/// What a file was written with.
struct FileSpec {
  OutputSpec spec;
  FileForm form;
};
/// Throws Damaged if embedtool did not write it: the schema must be exactly layout_of()'s.
FileSpec spec_of(const FileMeta& meta);

/// Levels of list nesting in the embedding column: 0 to 2.
constexpr unsigned nesting(const OutputSpec& spec) {
  return (spec.kind == RowKind::multi ? 1U : 0U) + (spec.type == OutputType::binary ? 0U : 1U);
}

}  // namespace embedtool::parquet
