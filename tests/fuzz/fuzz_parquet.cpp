// Hostile shards: whatever the bytes, the reader ends in rows or in an Error, within its bounds.
// CRCs and ZSTD stop nearly every mutation of a file at the door, so the input is also offered as
// the unpacked contents of a page of every column, in a wrapping that is right.
// Seeds: write_sample's outputs of 5 rows × 3 dimensions.
#include <cstddef>
#include <cstdint>

#include "core/base/error.hpp"
#include "formats/io/damaged.hpp"
#include "formats/parquet/parquet_chunk_writer.hpp"
#include "formats/parquet/parquet_reader.hpp"
#include "tests/support/memory_io.hpp"

namespace {

using namespace embedtool;
using testing::MemoryBytes;
using testing::MemorySink;

void read_file(std::span<const std::byte> data) {
  const MemoryBytes bytes(data, "fuzz");
  try {
    ParquetReader reader(bytes);
    OutputBlock block;
    while (block.clear(), reader.read(block, {100, std::size_t{1} << 20})) {
      const OutputSpec& spec = reader.spec();
      const std::size_t stride = vector_bytes(spec.type, spec.dims);
      const std::size_t vectors = spec.kind == RowKind::multi    ? block.offsets.back()
                                  : spec.kind == RowKind::sparse ? 0
                                                                 : block.rows.size();
      if (block.vectors.size() != vectors * stride) __builtin_trap();
      if (block.documents.kept.size() != block.rows.size() * spec.kept_fields.size()) {
        __builtin_trap();
      }
    }
  } catch (const Error&) {
  }
}

/// A chunk of one data page that holds `raw`, after the dictionary where the column has one.
std::vector<std::byte> wrap(const parquet::ColumnLayout& column, std::span<const std::byte> raw,
                            std::int32_t values, parquet::PageCodec& codec,
                            parquet::ChunkMeta& meta) {
  parquet::ChunkWriter writer(column);
  parquet::PagePress press;
  MemorySink dictionary;
  if (column.encoding == parquet::Encoding::rle_dictionary) {
    writer.add_vectors(std::as_bytes(std::span("xy", 2)), 1, 2, true);
    writer.end_chunk(press);
    meta = writer.write(0, dictionary);
  }
  std::vector<std::byte> bytes = dictionary.bytes();
  bytes.resize(static_cast<std::size_t>(meta.data_offset));
  const auto packed = codec.compress(raw, column.packing);
  parquet::PageHeader header;
  header.uncompressed_size = static_cast<std::int32_t>(raw.size());
  header.compressed_size = static_cast<std::int32_t>(packed.size());
  header.crc = parquet::page_crc(packed);
  header.values = values;
  header.encoding = column.encoding;
  parquet::write_page_header(header, bytes);
  bytes.insert(bytes.end(), packed.begin(), packed.end());
  meta.codec = parquet::codec_of(column.packing);
  meta.values = values;
  meta.compressed_size = static_cast<std::int64_t>(bytes.size());
  return bytes;
}

void read_kept(parquet::ChunkReader& reader, parquet::Physical type) {
  using parquet::Physical;
  if (type == Physical::byte_array) reader.optional_bytes();
  if (type == Physical::int64) reader.optional_int64();
  if (type == Physical::float64) reader.optional_float64();
  if (type == Physical::boolean) reader.optional_boolean();
}

void read_value(parquet::ChunkReader& reader, const OutputSpec& spec,
                const parquet::ColumnLayout& column, std::vector<std::byte>& out) {
  using parquet::Role;
  const Role role = column.role;
  out.clear();
  if (role == Role::id) reader.bytes();
  if (role == Role::embedding) reader.vectors(out, spec.dims, spec.kind == RowKind::dense);
  if (role == Role::n_tokens) reader.int32();
  if (role == Role::truncated) reader.boolean();
  if (role == Role::text_hash) reader.fixed();
  if (role == Role::kept) read_kept(reader, column.type);
}

void read_page(const OutputSpec& spec, const parquet::ColumnLayout& column,
               std::span<const std::byte> raw, std::int32_t values) {
  parquet::PageCodec codec(1);
  parquet::ChunkMeta meta;
  const auto chunk = wrap(column, raw, values, codec, meta);
  const MemoryBytes bytes(chunk, "fuzz");
  parquet::PageBudget budget;
  parquet::ChunkReader reader(column, budget);
  std::vector<std::byte> out;
  try {
    reader.open(meta, bytes, codec);
    for (std::int32_t i = 0; i < values; ++i) {
      read_value(reader, spec, column, out);
      if (out.size() > raw.size()) __builtin_trap();
    }
    reader.expect_end();
  } catch (const Damaged&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  read_file(bytes);
  if (size < 2) return 0;
  // The first byte says how many values the page claims, the second which kind of output it is in.
  OutputSpec spec;
  spec.type = static_cast<OutputType>(data[1] % 4);
  spec.kind = (data[1] & 4) != 0 ? RowKind::multi : RowKind::dense;
  spec.dims = 1 + data[1] / 16;
  for (const FieldType type :
       {FieldType::string, FieldType::int64, FieldType::float64, FieldType::boolean}) {
    spec.kept_fields.push_back({std::string(name_of(type)), type});
  }
  parquet::FileForm form;
  if ((data[1] & 8) != 0) form.encoding = VectorEncoding::split;
  for (const parquet::ColumnLayout& column : parquet::layout_of(spec, form).columns) {
    read_page(spec, column, bytes.subspan(2), data[0]);
  }
  return 0;
}
