#pragma once

// Parquet's file and page metadata, as far as rows are read and our shards are written: plain
// structs, and their Thrift form. Field numbers and enum values: parquet.thrift of
// apache/parquet-format 2.11.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace embedtool::parquet {

enum class Physical : std::int32_t {
  boolean = 0,
  int32 = 1,
  int64 = 2,
  int96 = 3,  ///< nanoseconds of a day, then its Julian day: timestamps of Impala and Spark
  float32 = 4,
  float64 = 5,
  byte_array = 6,
  fixed = 7,  ///< FIXED_LEN_BYTE_ARRAY
  none = -1,  ///< a group
};
enum class Repetition : std::int32_t { required = 0, optional = 1, repeated = 2, none = -1 };
enum class Logical : std::uint8_t {
  none,
  string,
  map,
  list,
  enumeration,
  decimal,
  date,
  time,
  timestamp,
  integer,
  null,
  json,
  bson,
  uuid,
  float16,
  interval,  ///< known as ConvertedType only
  variant,
};
enum class TimeUnit : std::uint8_t { none, millis, micros, nanos };
enum class Encoding : std::int32_t {
  plain = 0,
  plain_dictionary = 2,  ///< the older name of rle_dictionary
  rle = 3,
  bit_packed = 4,  ///< of levels, long deprecated
  delta_binary_packed = 5,
  delta_length_byte_array = 6,
  delta_byte_array = 7,
  rle_dictionary = 8,
  byte_stream_split = 9,
};
enum class Codec : std::int32_t {
  none = 0,
  snappy = 1,
  gzip = 2,
  lzo = 3,
  brotli = 4,
  lz4_hadoop = 5,  ///< "LZ4": blocks in Hadoop's framing
  zstd = 6,
  lz4_raw = 7,
};
enum class PageType : std::int32_t { data = 0, index = 1, dictionary = 2, data_v2 = 3 };

/// How a column's values are to be understood; the members below `kind` belong to some kinds only.
struct LogicalType {
  Logical kind = Logical::none;
  std::int8_t bits = 0;        ///< integer
  bool is_signed = false;      ///< integer
  std::int32_t scale = 0;      ///< decimal
  std::int32_t precision = 0;  ///< decimal
  TimeUnit unit = TimeUnit::none;
  bool utc = false;  ///< time, timestamp: an instant, not a wall clock's reading

  LogicalType() = default;
  LogicalType(Logical logical) : kind(logical) {}  // NOLINT: a kind without parameters is one
  static LogicalType integer(std::int8_t bits, bool is_signed) {
    LogicalType type(Logical::integer);
    type.bits = bits;
    type.is_signed = is_signed;
    return type;
  }
  bool operator==(const LogicalType&) const = default;
};

/// A node of the schema tree, depth first.
struct SchemaElement {
  std::string name;
  Physical type = Physical::none;
  std::int32_t type_length = 0;  ///< of `fixed`
  Repetition repetition = Repetition::none;
  std::int32_t children = 0;
  LogicalType logical;
  // As stored; read_file_meta() makes `logical` of them where it is missing, and resets them.
  std::int32_t converted = -1;
  std::int32_t scale = 0;
  std::int32_t precision = 0;

  bool operator==(const SchemaElement&) const = default;
};

/// What a column chunk, or a page, says of its values.
struct Statistics {
  struct Bounds {
    std::string least;  ///< as PLAIN, without the length of a string
    std::string most;
    bool least_is_value = true;  ///< else it is only below all values
    bool most_is_value = true;   ///< else it is only above all values
  };
  std::optional<Bounds> bounds;
  std::int64_t null_count = 0;
};

/// A part of a file that a column chunk has besides its pages.
struct FilePart {
  std::int64_t offset = -1;  ///< -1: there is none
  std::int32_t length = 0;
};

/// A column chunk: where one column of one row group is stored.
struct ChunkMeta {
  Physical type = Physical::none;
  std::vector<Encoding> encodings;
  Codec codec = Codec::zstd;
  std::vector<std::string> path;
  std::int64_t values = 0;             ///< levels, i.e. nulls and empty lists included
  std::int64_t uncompressed_size = 0;  ///< page headers included
  std::int64_t compressed_size = 0;    ///< page headers included
  std::int64_t data_offset = 0;        ///< of the first data page
  std::int64_t dictionary_offset = -1;
  std::optional<Statistics> statistics;  ///< written, never read
  FilePart bloom_filter;
  FilePart column_index;
  FilePart offset_index;
  bool encrypted = false;
  bool elsewhere = false;  ///< in another file

  /// Of the first page. Some writers give 0 where there is no dictionary.
  std::int64_t offset() const { return dictionary_offset > 0 ? dictionary_offset : data_offset; }
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
  std::int32_t uncompressed_size = 0;  ///< levels included
  std::int32_t compressed_size = 0;    ///< levels included
  std::optional<std::uint32_t> crc;
  std::int32_t values = 0;  ///< levels, i.e. nulls and empty lists included
  Encoding encoding = Encoding::plain;
  // Version 1: how the levels are encoded, each kind headed by its length.
  Encoding definition_encoding = Encoding::rle;
  Encoding repetition_encoding = Encoding::rle;
  // Version 2: the levels come first, never compressed, in so many bytes.
  std::int32_t definition_size = 0;
  std::int32_t repetition_size = 0;
  bool compressed = true;
};

/// Appends the Thrift form.
void write_file_meta(const FileMeta& meta, std::vector<std::byte>& out);
void write_page_header(const PageHeader& header, std::vector<std::byte>& out);

/// Parse hostile bytes; throw Damaged. Enum values may be any.
FileMeta read_file_meta(std::span<const std::byte> bytes);
/// `consumed` is set to the header's length.
PageHeader read_page_header(std::span<const std::byte> bytes, std::size_t& consumed);

}  // namespace embedtool::parquet
