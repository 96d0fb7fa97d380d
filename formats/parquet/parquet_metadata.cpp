#include "formats/parquet/parquet_metadata.hpp"

#include <optional>

#include "formats/io/damaged.hpp"
#include "formats/parquet/thrift_compact.hpp"
#include "formats/parquet/thrift_fields.hpp"

// Every struct below is described once, for writing and reading (thrift_fields.hpp). Reading
// checks no enum values: the reader compares them with the layout that it expects, which knows no
// others.
namespace embedtool::parquet {
namespace {

constexpr const char* kForeignType = "a column's logical type is not one that embedtool writes";

/// ConvertedType, the annotation that readers older than LogicalType understand.
std::optional<std::int32_t> converted_type(Logical logical) {
  switch (logical) {
    case Logical::string:
      return 0;
    case Logical::map:
      return 1;
    case Logical::list:
      return 3;
    case Logical::int8:
      return 15;
    case Logical::float16:  // has no older form
    case Logical::none:
      break;
  }
  return std::nullopt;
}

/// The union LogicalType: an empty struct for a case without parameters.
template <typename Archive>
void fields(Archive& archive, ArchiveRef<Archive, Logical> logical) {
  const auto empty = [](auto&) {};
  archive.alternative(1, logical, Logical::string, empty);
  archive.alternative(2, logical, Logical::map, empty);
  archive.alternative(3, logical, Logical::list, empty);
  archive.alternative(10, logical, Logical::int8, [](auto& integer) {
    integer.constant(1, std::int8_t{8}, kForeignType);  // bits
    integer.constant(2, true, kForeignType);            // signed
  });
  archive.alternative(15, logical, Logical::float16, empty);
}

template <typename Archive>
void fields(Archive& archive, ArchiveRef<Archive, SchemaElement> element) {
  archive.optional(1, element.type, Physical::none);
  archive.optional(2, element.type_length, 0);
  archive.optional(3, element.repetition, Repetition::none);
  archive.required(4, element.name);
  archive.optional(5, element.children, 0);
  // Both annotations are written where both exist, so that readers of either age find one.
  archive.informative(6, [&] { return converted_type(element.logical); });
  archive.optional_struct(10, element.logical != Logical::none,
                          [&](auto& type) { fields(type, element.logical); });
}

/// ColumnChunk, and within it ColumnMetaData. Statistics are left out: nobody filters by the
/// minimum or maximum of an embedding.
template <typename Archive>
void fields(Archive& archive, ArchiveRef<Archive, ChunkMeta> chunk) {
  archive.forbidden(1, "a column is in another file");
  // file_offset is required, though it has lost its meaning; other writers put the chunk's start.
  archive.informative(2, [&] { return chunk.offset(); });
  archive.required_struct(3, [&](auto& meta) {
    meta.required(1, chunk.type);
    meta.required(2, chunk.encodings);
    meta.required(3, chunk.path);
    meta.constant(4, Codec::zstd, "a column is not compressed with ZSTD");
    meta.required(5, chunk.values);
    meta.required(6, chunk.uncompressed_size);
    meta.required(7, chunk.compressed_size);
    meta.required(9, chunk.data_offset);
    meta.optional(11, chunk.dictionary_offset, -1);
  });
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
  archive.structs(5, file.key_values, [](auto& a, auto& entry) {
    a.required(1, entry.first);
    a.required(2, entry.second);
  });
  archive.required(6, file.created_by);
}

/// Which details a page has depends on its type, which comes first. The CRC, optional in the
/// format, is in every page of ours.
template <typename Archive>
void fields(Archive& archive, ArchiveRef<Archive, PageHeader> header) {
  archive.required(1, header.type);
  archive.required(2, header.uncompressed_size);
  archive.required(3, header.compressed_size);
  archive.required(4, header.crc);
  if (header.type == PageType::data) {
    archive.required_struct(5, [&](auto& page) {
      page.required(1, header.values);
      page.required(2, header.encoding);
      page.constant(3, Encoding::rle, "definition levels are not RLE");
      page.constant(4, Encoding::rle, "repetition levels are not RLE");
    });
  } else if (header.type == PageType::dictionary) {
    archive.required_struct(7, [&](auto& page) {
      page.required(1, header.values);
      page.required(2, header.encoding);
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
  return meta;
}

PageHeader read_page_header(std::span<const std::byte> bytes, std::size_t& consumed) {
  const auto header = read<PageHeader>(bytes, consumed);
  require(header.type == PageType::data || header.type == PageType::dictionary,
          "not a page written by embedtool");
  require(header.uncompressed_size >= 0 && header.compressed_size >= 0 && header.values >= 0,
          "negative size in a page header");
  return header;
}

}  // namespace embedtool::parquet
