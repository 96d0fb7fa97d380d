#pragma once

// Parquet's file and page metadata, as far as our shards use it: plain structs, and their Thrift
// form. Field numbers and enum values: parquet.thrift of apache/parquet-format 2.11.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace embedtool::parquet {

enum class Physical : std::int32_t {
  boolean = 0,
  int32 = 1,
  float32 = 4,
  byte_array = 6,
  fixed = 7,  ///< FIXED_LEN_BYTE_ARRAY
  none = -1,  ///< a group
};
enum class Repetition : std::int32_t { required = 0, optional = 1, repeated = 2, none = -1 };
enum class Logical : std::uint8_t { none, string, map, list, int8, float16 };
enum class Encoding : std::int32_t {
  plain = 0,
  rle = 3,
  rle_dictionary = 8,
  byte_stream_split = 9,
};
enum class Codec : std::int32_t { zstd = 6 };
enum class PageType : std::int32_t { data = 0, dictionary = 2 };

/// A node of the schema tree, depth first.
struct SchemaElement {
  std::string name;
  Physical type = Physical::none;
  std::int32_t type_length = 0;  ///< of `fixed`
  Repetition repetition = Repetition::none;
  std::int32_t children = 0;
  Logical logical = Logical::none;

  bool operator==(const SchemaElement&) const = default;
};

/// A column chunk: where one column of one row group is stored.
struct ChunkMeta {
  Physical type = Physical::none;
  std::vector<Encoding> encodings;
  std::vector<std::string> path;
  std::int64_t values = 0;             ///< levels, i.e. nulls and empty lists included
  std::int64_t uncompressed_size = 0;  ///< page headers included
  std::int64_t compressed_size = 0;    ///< page headers included
  std::int64_t data_offset = 0;        ///< of the first data page
  std::int64_t dictionary_offset = -1;

  std::int64_t offset() const { return dictionary_offset >= 0 ? dictionary_offset : data_offset; }
};

struct RowGroupMeta {
  std::vector<ChunkMeta> chunks;
  std::int64_t rows = 0;
  std::int16_t ordinal = -1;  ///< its place in the file; -1 if that exceeds 16 bits
};

struct FileMeta {
  std::vector<SchemaElement> schema;
  std::int64_t rows = 0;
  std::vector<RowGroupMeta> row_groups;
  std::vector<std::pair<std::string, std::string>> key_values;
  std::string created_by;
};

struct PageHeader {
  PageType type = PageType::data;
  std::int32_t uncompressed_size = 0;
  std::int32_t compressed_size = 0;
  std::uint32_t crc = 0;
  std::int32_t values = 0;
  Encoding encoding = Encoding::plain;
};

/// Appends the Thrift form.
void write_file_meta(const FileMeta& meta, std::vector<std::byte>& out);
void write_page_header(const PageHeader& header, std::vector<std::byte>& out);

/// Parse hostile bytes; throw Damaged. Anything that our writer never writes (other codecs,
/// external files, encryption, v2 pages, missing CRCs) is refused here.
FileMeta read_file_meta(std::span<const std::byte> bytes);
/// `consumed` is set to the header's length.
PageHeader read_page_header(std::span<const std::byte> bytes, std::size_t& consumed);

}  // namespace embedtool::parquet
