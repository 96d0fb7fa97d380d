#include "formats/parquet/parquet_metadata.hpp"

#include "formats/parquet/thrift_compact.hpp"

namespace embedtool::parquet {
namespace {

// ConvertedType: the annotation that readers older than LogicalType understand.
constexpr std::int32_t kConvertedUtf8 = 0;
constexpr std::int32_t kConvertedMap = 1;
constexpr std::int32_t kConvertedList = 3;
constexpr std::int32_t kConvertedInt8 = 15;
// LogicalType's union members.
constexpr std::int16_t kLogicalString = 1;
constexpr std::int16_t kLogicalMap = 2;
constexpr std::int16_t kLogicalList = 3;
constexpr std::int16_t kLogicalInteger = 10;
constexpr std::int16_t kLogicalFloat16 = 15;

[[noreturn]] void fail(const char* what) {
  throw ThriftError(what);
}

template <typename Enum>
std::int32_t number(Enum value) {
  return static_cast<std::int32_t>(value);
}

// Both annotations are written where both exist: readers of either age find one.
void write_logical(Logical logical, ThriftWriter& out) {
  switch (logical) {
    case Logical::none:
      return;
    case Logical::string:
      out.i32(6, kConvertedUtf8);
      out.begin_struct(10);
      out.empty_struct(kLogicalString);
      break;
    case Logical::map:
      out.i32(6, kConvertedMap);
      out.begin_struct(10);
      out.empty_struct(kLogicalMap);
      break;
    case Logical::list:
      out.i32(6, kConvertedList);
      out.begin_struct(10);
      out.empty_struct(kLogicalList);
      break;
    case Logical::int8:
      out.i32(6, kConvertedInt8);
      out.begin_struct(10);
      out.begin_struct(kLogicalInteger);
      out.i8(1, 8);
      out.boolean(2, true);
      out.end_struct();
      break;
    case Logical::float16:  // has no older form
      out.begin_struct(10);
      out.empty_struct(kLogicalFloat16);
      break;
  }
  out.end_struct();
}

void write_element(const SchemaElement& element, ThriftWriter& out) {
  out.begin_element();
  if (element.type != Physical::none) out.i32(1, number(element.type));
  if (element.type == Physical::fixed) out.i32(2, element.type_length);
  if (element.repetition != Repetition::none) out.i32(3, number(element.repetition));
  out.string(4, element.name);
  if (element.children > 0) out.i32(5, element.children);
  write_logical(element.logical, out);
  out.end_struct();
}

// file_offset (field 2) is required and long without meaning; the chunk's start is what others
// write there. Statistics are left out: min and max of an embedding help nobody.
void write_chunk(const ChunkMeta& chunk, ThriftWriter& out) {
  out.begin_element();
  out.i64(2, chunk.offset());
  out.begin_struct(3);
  out.i32(1, number(chunk.type));
  out.begin_list(2, ThriftType::i32, chunk.encodings.size());
  for (const Encoding e : chunk.encodings) out.element_i32(number(e));
  out.begin_list(3, ThriftType::binary, chunk.path.size());
  for (const std::string& part : chunk.path) out.element_string(part);
  out.i32(4, number(chunk.codec));
  out.i64(5, chunk.values);
  out.i64(6, chunk.uncompressed_size);
  out.i64(7, chunk.compressed_size);
  out.i64(9, chunk.data_offset);
  if (chunk.dictionary_offset >= 0) out.i64(11, chunk.dictionary_offset);
  out.end_struct();
  out.end_struct();
}

void write_row_group(const RowGroupMeta& group, std::size_t ordinal, ThriftWriter& out) {
  std::int64_t compressed = 0;
  std::int64_t uncompressed = 0;
  for (const ChunkMeta& chunk : group.chunks) {
    compressed += chunk.compressed_size;
    uncompressed += chunk.uncompressed_size;
  }
  out.begin_element();
  out.begin_list(1, ThriftType::structure, group.chunks.size());
  for (const ChunkMeta& chunk : group.chunks) write_chunk(chunk, out);
  out.i64(2, uncompressed);
  out.i64(3, group.rows);
  out.i64(5, group.chunks.front().offset());
  out.i64(6, compressed);
  // The field is 16 bits wide and optional: a shard of more groups leaves it out.
  if (ordinal <= 0x7FFF) out.i16(7, static_cast<std::int16_t>(ordinal));
  out.end_struct();
}

// Reading takes the fields that matter and skips the rest. Enum values are not checked here: the
// reader compares them with the layout that it expects, which knows no others.

/// Calls visit(field) for every field of the struct that comes next; visit returns false for
/// fields that are to be skipped.
template <typename Visit>
void read_struct(ThriftReader& in, Visit&& visit) {
  in.begin_struct();
  for (auto f = in.next_field(); f.type != ThriftType::stop; f = in.next_field()) {
    if (!visit(f)) in.skip(f.type);
  }
}

Logical read_logical(ThriftReader& in) {
  Logical logical = Logical::none;
  read_struct(in, [&](const ThriftReader::Field& f) {
    if (f.id == kLogicalString) logical = Logical::string;
    if (f.id == kLogicalMap) logical = Logical::map;
    if (f.id == kLogicalList) logical = Logical::list;
    if (f.id == kLogicalFloat16) logical = Logical::float16;
    if (f.id != kLogicalInteger) return false;
    if (f.type != ThriftType::structure) fail("bad logical type");
    bool is_int8 = true;
    read_struct(in, [&](const ThriftReader::Field& part) {
      if (part.id == 1) {
        is_int8 = is_int8 && in.i8(part) == 8;
        return true;
      }
      if (part.id == 2) is_int8 = is_int8 && in.boolean(part);
      return false;
    });
    if (is_int8) logical = Logical::int8;
    return true;
  });
  return logical;
}

SchemaElement read_element(ThriftReader& in) {
  SchemaElement element;
  read_struct(in, [&](const ThriftReader::Field& f) {
    switch (f.id) {
      case 1:
        element.type = static_cast<Physical>(in.i32(f));
        return true;
      case 2:
        element.type_length = in.i32(f);
        return true;
      case 3:
        element.repetition = static_cast<Repetition>(in.i32(f));
        return true;
      case 4:
        element.name = in.string(f);
        return true;
      case 5:
        element.children = in.i32(f);
        return true;
      case 10:
        if (f.type != ThriftType::structure) fail("bad logical type");
        element.logical = read_logical(in);
        return true;
      default:
        return false;
    }
  });
  return element;
}

bool read_chunk_field(const ThriftReader::Field& f, ThriftReader& in, ChunkMeta& chunk) {
  switch (f.id) {
    case 1:
      chunk.type = static_cast<Physical>(in.i32(f));
      return true;
    case 2: {
      const std::size_t size = in.list(f, ThriftType::i32).size;
      for (std::size_t i = 0; i < size; ++i) {
        chunk.encodings.push_back(static_cast<Encoding>(in.element_i32()));
      }
      return true;
    }
    case 3: {
      const std::size_t size = in.list(f, ThriftType::binary).size;
      for (std::size_t i = 0; i < size; ++i) chunk.path.emplace_back(in.element_string());
      return true;
    }
    case 4:
      if (in.i32(f) != number(Codec::zstd)) fail("a column is not compressed with ZSTD");
      return true;
    case 5:
      chunk.values = in.i64(f);
      return true;
    case 6:
      chunk.uncompressed_size = in.i64(f);
      return true;
    case 7:
      chunk.compressed_size = in.i64(f);
      return true;
    case 9:
      chunk.data_offset = in.i64(f);
      return true;
    case 11:
      chunk.dictionary_offset = in.i64(f);
      if (chunk.dictionary_offset < 0) fail("bad dictionary offset");
      return true;
    default:
      return false;
  }
}

ChunkMeta read_chunk(ThriftReader& in) {
  ChunkMeta chunk;
  bool found = false;
  read_struct(in, [&](const ThriftReader::Field& f) {
    if (f.id == 1) fail("a column lies in another file");
    if (f.id != 3) return false;
    if (f.type != ThriftType::structure || found) fail("bad column metadata");
    found = true;
    read_struct(in,
                [&](const ThriftReader::Field& part) { return read_chunk_field(part, in, chunk); });
    return true;
  });
  if (!found) fail("a column has no metadata");
  return chunk;
}

RowGroupMeta read_row_group(ThriftReader& in) {
  RowGroupMeta group;
  read_struct(in, [&](const ThriftReader::Field& f) {
    if (f.id == 1) {
      const std::size_t size = in.list(f, ThriftType::structure).size;
      for (std::size_t i = 0; i < size; ++i) group.chunks.push_back(read_chunk(in));
      return true;
    }
    if (f.id == 3) {
      group.rows = in.i64(f);
      return true;
    }
    return false;
  });
  return group;
}

std::pair<std::string, std::string> read_key_value(ThriftReader& in) {
  std::pair<std::string, std::string> entry;
  read_struct(in, [&](const ThriftReader::Field& f) {
    if (f.id != 1 && f.id != 2) return false;
    (f.id == 1 ? entry.first : entry.second) = in.string(f);
    return true;
  });
  return entry;
}

bool read_file_field(const ThriftReader::Field& f, ThriftReader& in, FileMeta& meta) {
  switch (f.id) {
    case 2: {
      const std::size_t size = in.list(f, ThriftType::structure).size;
      for (std::size_t i = 0; i < size; ++i) meta.schema.push_back(read_element(in));
      return true;
    }
    case 3:
      meta.rows = in.i64(f);
      return true;
    case 4: {
      const std::size_t size = in.list(f, ThriftType::structure).size;
      for (std::size_t i = 0; i < size; ++i) meta.row_groups.push_back(read_row_group(in));
      return true;
    }
    case 5: {
      const std::size_t size = in.list(f, ThriftType::structure).size;
      for (std::size_t i = 0; i < size; ++i) meta.key_values.push_back(read_key_value(in));
      return true;
    }
    case 6:
      meta.created_by = in.string(f);
      return true;
    default:
      return false;
  }
}

void read_page_details(ThriftReader& in, PageHeader& header) {
  read_struct(in, [&](const ThriftReader::Field& f) {
    if (f.id == 1) {
      header.values = in.i32(f);
      return true;
    }
    if (f.id == 2) {
      header.encoding = static_cast<Encoding>(in.i32(f));
      return true;
    }
    // Levels: only RLE is ever written, and a dictionary page has none.
    if (header.type == PageType::data && (f.id == 3 || f.id == 4)) {
      if (in.i32(f) != number(Encoding::rle)) fail("levels are not RLE");
      return true;
    }
    return false;
  });
}

}  // namespace

void write_file_meta(const FileMeta& meta, std::vector<std::byte>& bytes) {
  ThriftWriter out(bytes);
  out.begin_root();
  out.i32(1, 2);  // version 2: the files use encodings and types that version 1 had not
  out.begin_list(2, ThriftType::structure, meta.schema.size());
  for (const SchemaElement& element : meta.schema) write_element(element, out);
  out.i64(3, meta.rows);
  out.begin_list(4, ThriftType::structure, meta.row_groups.size());
  for (std::size_t i = 0; i < meta.row_groups.size(); ++i) {
    write_row_group(meta.row_groups[i], i, out);
  }
  out.begin_list(5, ThriftType::structure, meta.key_values.size());
  for (const auto& [key, value] : meta.key_values) {
    out.begin_element();
    out.string(1, key);
    out.string(2, value);
    out.end_struct();
  }
  out.string(6, meta.created_by);
  out.end_struct();
}

void write_page_header(const PageHeader& header, std::vector<std::byte>& bytes) {
  ThriftWriter out(bytes);
  out.begin_root();
  out.i32(1, number(header.type));
  out.i32(2, header.uncompressed_size);
  out.i32(3, header.compressed_size);
  out.i32(4, static_cast<std::int32_t>(header.crc));
  const bool data = header.type == PageType::data;
  out.begin_struct(data ? 5 : 7);
  out.i32(1, header.values);
  out.i32(2, number(header.encoding));
  if (data) {
    out.i32(3, number(Encoding::rle));  // definition levels
    out.i32(4, number(Encoding::rle));  // repetition levels
  }
  out.end_struct();
  out.end_struct();
}

FileMeta read_file_meta(std::span<const std::byte> bytes) {
  ThriftReader in(bytes);
  FileMeta meta;
  read_struct(in, [&](const ThriftReader::Field& f) { return read_file_field(f, in, meta); });
  if (in.position() != bytes.size()) fail("bytes after the metadata");
  return meta;
}

// The type comes first (ascending ids), so that the details are read as what they are.
PageHeader read_page_header(std::span<const std::byte> bytes, std::size_t& consumed) {
  ThriftReader in(bytes);
  PageHeader header;
  bool has_crc = false;
  bool has_details = false;
  read_struct(in, [&](const ThriftReader::Field& f) {
    if (f.id >= 1 && f.id <= 4) {
      const std::int32_t value = in.i32(f);
      if (f.id == 1) header.type = static_cast<PageType>(value);
      if (f.id == 2) header.uncompressed_size = value;
      if (f.id == 3) header.compressed_size = value;
      if (f.id == 4) header.crc = static_cast<std::uint32_t>(value);
      has_crc = has_crc || f.id == 4;
      return true;
    }
    const std::int16_t wanted = header.type == PageType::data ? 5 : 7;
    if (f.id != wanted || f.type != ThriftType::structure) return false;
    read_page_details(in, header);
    has_details = true;
    return true;
  });
  const bool known = header.type == PageType::data || header.type == PageType::dictionary;
  if (!known || !has_crc || !has_details) fail("not a page of ours");
  if (header.uncompressed_size < 0 || header.compressed_size < 0 || header.values < 0) {
    fail("negative size in a page header");
  }
  consumed = in.position();
  return header;
}

}  // namespace embedtool::parquet
