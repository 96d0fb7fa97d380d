#include "formats/parquet/parquet_metadata.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "formats/io/damaged.hpp"
#include "formats/parquet/thrift_compact.hpp"
#include "formats/parquet/thrift_fields.hpp"

// Every struct below is described once, for writing and reading (thrift_fields.hpp). Reading
// checks no enum values: those who use them know which they can.
namespace embedtool::parquet {
namespace {

// ConvertedType, the annotation that readers older than LogicalType understand, and some writers
// still write alone.
constexpr std::int32_t kConvertedTimes = 7;      ///< TIME_MILLIS … TIMESTAMP_MICROS
constexpr std::int32_t kConvertedIntegers = 11;  ///< UINT_8 … INT_64

/// Types without parameters, by their ConvertedType.
constexpr std::array kConverted{
    std::pair{0, Logical::string},      std::pair{1, Logical::map},
    std::pair{2, Logical::map},         std::pair{3, Logical::list},
    std::pair{4, Logical::enumeration}, std::pair{6, Logical::date},
    std::pair{19, Logical::json},       std::pair{20, Logical::bson},
    std::pair{21, Logical::interval},
};

/// What our writer writes beside the LogicalType; none for a type that has no older form.
std::optional<std::int32_t> converted_type(const LogicalType& logical) {
  if (logical == LogicalType::integer(8, true)) return 15;
  if (logical == LogicalType::integer(32, true)) return 17;
  for (const auto& [converted, kind] : kConverted) {
    if (kind == logical.kind) return converted;
  }
  return std::nullopt;
}

/// The type that an element without LogicalType has.
LogicalType logical_of(const SchemaElement& element) {
  const std::int32_t converted = element.converted;
  LogicalType type;
  for (const auto& [number, kind] : kConverted) {
    if (number == converted) return kind;
  }
  if (converted == 5) {
    type.kind = Logical::decimal;
    type.scale = element.scale;
    type.precision = element.precision;
  } else if (converted >= kConvertedTimes && converted < kConvertedTimes + 4) {
    const std::int32_t which = converted - kConvertedTimes;
    type.kind = which < 2 ? Logical::time : Logical::timestamp;
    type.unit = which % 2 == 0 ? TimeUnit::millis : TimeUnit::micros;
    type.utc = true;  // LogicalTypes.md, "Compatibility"
  } else if (converted >= kConvertedIntegers && converted < kConvertedIntegers + 8) {
    const std::int32_t which = converted - kConvertedIntegers;
    return LogicalType::integer(static_cast<std::int8_t>(8 << (which % 4)), which >= 4);
  }
  return type;
}

/// The union TimeUnit.
template <typename Archive>
void fields(Archive& archive, ArchiveRef<Archive, TimeUnit> unit) {
  const auto empty = [](auto&) {};
  archive.alternative(1, unit, TimeUnit::millis, empty);
  archive.alternative(2, unit, TimeUnit::micros, empty);
  archive.alternative(3, unit, TimeUnit::nanos, empty);
}

/// The union LogicalType: an empty struct for a case without parameters. Our writer has no times
/// and decimals.
template <typename Archive>
void fields(Archive& archive, ArchiveRef<Archive, LogicalType> type) {
  const auto empty = [](auto&) {};
  const auto time = [&](auto& a) {
    a.required(1, type.utc);
    a.required_struct(2, [&](auto& unit) { fields(unit, type.unit); });
  };
  archive.alternative(1, type.kind, Logical::string, empty);
  archive.alternative(2, type.kind, Logical::map, empty);
  archive.alternative(3, type.kind, Logical::list, empty);
  archive.alternative(4, type.kind, Logical::enumeration, empty);
  archive.alternative(5, type.kind, Logical::decimal, [&](auto& decimal) {
    decimal.required(1, type.scale);
    decimal.required(2, type.precision);
  });
  archive.alternative(6, type.kind, Logical::date, empty);
  archive.alternative(7, type.kind, Logical::time, time);
  archive.alternative(8, type.kind, Logical::timestamp, time);
  archive.alternative(10, type.kind, Logical::integer, [&](auto& integer) {
    integer.required(1, type.bits);
    integer.required(2, type.is_signed);
  });
  archive.alternative(11, type.kind, Logical::null, empty);
  archive.alternative(12, type.kind, Logical::json, empty);
  archive.alternative(13, type.kind, Logical::bson, empty);
  archive.alternative(14, type.kind, Logical::uuid, empty);
  archive.alternative(15, type.kind, Logical::float16, empty);
  archive.alternative(16, type.kind, Logical::variant, empty);
}

template <typename Archive>
void fields(Archive& archive, ArchiveRef<Archive, SchemaElement> element) {
  archive.optional(1, element.type, Physical::none);
  archive.optional(2, element.type_length, 0);
  archive.optional(3, element.repetition, Repetition::none);
  archive.required(4, element.name);
  archive.optional(5, element.children, 0);
  // Both annotations are written where both exist, so that readers of either age find one.
  archive.derived(
      6, [&] { return converted_type(element.logical); }, element.converted);
  archive.optional(7, element.scale, 0);
  archive.optional(8, element.precision, 0);
  archive.optional_struct(10, element.logical.kind != Logical::none,
                          [&](auto& type) { fields(type, element.logical); });
}

template <typename Archive>
void fields(Archive& archive, const Statistics& statistics) {
  archive.required(3, statistics.null_count);
  if (!statistics.bounds) return;
  archive.required(5, statistics.bounds->most);
  archive.required(6, statistics.bounds->least);
  archive.required(7, statistics.bounds->most_is_value);
  archive.required(8, statistics.bounds->least_is_value);
}

/// Offset and length, in fields that follow each other.
template <typename Archive>
void fields(Archive& archive, std::int16_t id, ArchiveRef<Archive, FilePart> part) {
  archive.optional(id, part.offset, -1);
  archive.optional(static_cast<std::int16_t>(id + 1), part.length, 0);
}

/// ColumnChunk, and within it ColumnMetaData.
template <typename Archive>
void fields(Archive& archive, ArchiveRef<Archive, ChunkMeta> chunk) {
  archive.noted(1, chunk.elsewhere);
  // file_offset is required, though it has lost its meaning; other writers put the chunk's start.
  archive.informative(2, [&] { return chunk.offset(); });
  // An encrypted column has its metadata elsewhere.
  archive.optional_struct(3, true, [&](auto& meta) {
    meta.required(1, chunk.type);
    meta.required(2, chunk.encodings);
    meta.required(3, chunk.path);
    meta.required(4, chunk.codec);
    meta.required(5, chunk.values);
    meta.required(6, chunk.uncompressed_size);
    meta.required(7, chunk.compressed_size);
    meta.required(9, chunk.data_offset);
    meta.optional(11, chunk.dictionary_offset, -1);
    meta.informative_struct(12, chunk.statistics.has_value(),
                            [&](auto& statistics) { fields(statistics, *chunk.statistics); });
    fields(meta, 14, chunk.bloom_filter);
  });
  fields(archive, 4, chunk.offset_index);
  fields(archive, 6, chunk.column_index);
  archive.noted(8, chunk.encrypted);
}

/// The sum of one member over the chunks of a row group.
std::int64_t total(const RowGroupMeta& group, std::int64_t ChunkMeta::*member) {
  std::int64_t sum = 0;
  for (const ChunkMeta& chunk : group.chunks) sum += chunk.*member;
  return sum;
}

template <typename Archive>
void fields(Archive& archive, ArchiveRef<Archive, RowGroupMeta> group) {
  archive.structs(1, group.chunks, [](auto& a, auto& chunk) { fields(a, chunk); });
  archive.informative(2, [&] { return total(group, &ChunkMeta::uncompressed_size); });
  archive.required(3, group.rows);
  archive.informative(5, [&] { return group.chunks.front().offset(); });
  archive.informative(6, [&] { return total(group, &ChunkMeta::compressed_size); });
  archive.optional(7, group.ordinal, -1);
}

template <typename Archive>
void fields(Archive& archive, ArchiveRef<Archive, FileMeta> file) {
  // Version 2: the files use encodings and types that version 1 did not have.
  archive.informative(1, [] { return std::int32_t{2}; });
  archive.structs(2, file.schema, [](auto& a, auto& element) { fields(a, element); });
  archive.required(3, file.rows);
  archive.structs(4, file.row_groups, [](auto& a, auto& group) { fields(a, group); });
  archive.optional_structs(5, file.key_values, [](auto& a, auto& entry) {
    a.required(1, entry.first);
    a.expected(2, entry.second);
  });
  archive.expected(6, file.created_by);
  // column_orders: TypeDefinedOrder, for every column.
  const auto leaves =
      std::count_if(file.schema.begin(), file.schema.end(),
                    [](const auto& element) { return element.type != Physical::none; });
  archive.informative_structs(7, static_cast<std::size_t>(leaves),
                              [](auto& order) { order.informative_struct(1, true, [](auto&) {}); });
}

/// Which details a page has depends on its type, which comes first.
template <typename Archive>
void fields(Archive& archive, ArchiveRef<Archive, PageHeader> header) {
  archive.required(1, header.type);
  archive.required(2, header.uncompressed_size);
  archive.required(3, header.compressed_size);
  archive.optional(4, header.crc, std::nullopt);
  if (header.type == PageType::data) {
    archive.required_struct(5, [&](auto& page) {
      page.required(1, header.values);
      page.required(2, header.encoding);
      page.required(3, header.definition_encoding);
      page.required(4, header.repetition_encoding);
    });
  } else if (header.type == PageType::dictionary) {
    archive.required_struct(7, [&](auto& page) {
      page.required(1, header.values);
      page.required(2, header.encoding);
    });
  } else if (header.type == PageType::data_v2) {
    archive.required_struct(8, [&](auto& page) {
      page.required(1, header.values);
      page.required(4, header.encoding);
      page.required(5, header.definition_size);
      page.required(6, header.repetition_size);
      page.optional(7, header.compressed, true);
    });
  }
}

template <typename Struct>
void write(const Struct& value, std::vector<std::byte>& bytes) {
  ThriftWriter out(bytes);
  ThriftFieldWriter(out).structure([&](auto& archive) { fields(archive, value); });
}

/// Reads the struct at the start of `bytes`; `consumed` is set to its length.
template <typename Struct>
Struct read(std::span<const std::byte> bytes, std::size_t& consumed) {
  ThriftReader in(bytes);
  Struct value;
  ThriftFieldReader(in).structure([&](auto& archive) { fields(archive, value); });
  consumed = in.position();
  return value;
}

}  // namespace

void write_file_meta(const FileMeta& meta, std::vector<std::byte>& out) {
  write(meta, out);
}

void write_page_header(const PageHeader& header, std::vector<std::byte>& out) {
  write(header, out);
}

FileMeta read_file_meta(std::span<const std::byte> bytes) {
  std::size_t consumed = 0;
  FileMeta meta = read<FileMeta>(bytes, consumed);
  require(consumed == bytes.size(), "bytes after the metadata");
  for (SchemaElement& element : meta.schema) {
    if (element.logical.kind == Logical::none) element.logical = logical_of(element);
    // From here on there is one annotation.
    element.converted = -1;
    element.scale = element.precision = 0;
  }
  return meta;
}

PageHeader read_page_header(std::span<const std::byte> bytes, std::size_t& consumed) {
  const auto header = read<PageHeader>(bytes, consumed);
  require(header.type >= PageType::data && header.type <= PageType::data_v2,
          "a page is of no known type");
  require(header.uncompressed_size >= 0 && header.compressed_size >= 0 && header.values >= 0 &&
              header.definition_size >= 0 && header.repetition_size >= 0,
          "negative size in a page header");
  return header;
}

}  // namespace embedtool::parquet
