#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>

#include "formats/io/damaged.hpp"
#include "formats/parquet/parquet_chunk_reader.hpp"
#include "formats/parquet/parquet_chunk_writer.hpp"
#include "formats/parquet/parquet_reader.hpp"
#include "tests/support/memory_io.hpp"

namespace embedtool::parquet {
namespace {

using testing::MemoryBytes;
using testing::MemorySink;

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> out;
  for (const int v : values) out.push_back(static_cast<std::byte>(v));
  return out;
}

/// The first data page of a chunk, unpacked; its header by way of `header`.
std::vector<std::byte> page_of(std::span<const std::byte> chunk, PageHeader& header,
                               Codec packing = Codec::zstd) {
  std::size_t consumed = 0;
  header = read_page_header(chunk, consumed);
  const auto packed = chunk.subspan(consumed, static_cast<std::size_t>(header.compressed_size));
  EXPECT_EQ(header.crc, crc32(0, reinterpret_cast<const Bytef*>(packed.data()),
                              static_cast<uInt>(packed.size())));
  if (header.type == PageType::dictionary) {
    return page_of(chunk.subspan(consumed + packed.size()), header, packing);
  }
  std::vector<std::byte> raw(static_cast<std::size_t>(header.uncompressed_size));
  PageCodec().decompress(packing, packed, raw);
  return raw;
}

struct Chunk {
  ChunkMeta meta;
  MemorySink sink;
};

Chunk flush(ChunkWriter& writer, PagePress& press) {
  Chunk chunk;
  writer.end_chunk(press);
  press.wait();
  chunk.meta = writer.write(0, chunk.sink);
  return chunk;
}

ColumnLayout embedding_layout(OutputType type, std::size_t dims, bool multi,
                              VectorEncoding encoding = VectorEncoding::plain) {
  OutputSpec spec;
  spec.type = type;
  spec.dims = dims;
  if (multi) spec.kind = RowKind::multi;
  FileForm form;
  form.encoding = encoding;
  return layout_of(spec, form).columns[1];
}

// Two rows of LIST<FLOAT> with 2 dimensions. Levels: length in 4 bytes, then repetition 0 1 0 1 =
// bits 1010 = 0x0A in one packed group; definition 1×4 in one packed group, 0x0F. Then byte 0 of
// each float, byte 1, …: 1.0 = 00 00 80 3F, 2.0 = 00 00 00 40, -1.0 = 00 00 80 BF, 0.5 = 00 00 00
// 3F.
TEST(ChunkWriter, FloatListPage) {
  PagePress press;
  ChunkWriter writer(embedding_layout(OutputType::f32, 2, false, VectorEncoding::split));
  for (const std::array<float, 2> row : {std::array{1.0F, 2.0F}, std::array{-1.0F, 0.5F}}) {
    writer.add_vectors(std::as_bytes(std::span(row)), 1, 2, true);
    writer.end_row(press);
  }
  const Chunk chunk = flush(writer, press);
  PageHeader header;
  EXPECT_EQ(page_of(chunk.sink.bytes(), header, chunk.meta.codec),
            bytes_of({2, 0, 0, 0, 0x03, 0x0A, 2,    0,    0,    0,    0x03, 0x0F, 0,    0,
                      0, 0, 0, 0, 0,    0,    0x80, 0x00, 0x80, 0x00, 0x3F, 0x40, 0xBF, 0x3F}));
  EXPECT_EQ(header.values, 4);
  EXPECT_EQ(header.encoding, Encoding::byte_stream_split);
  EXPECT_EQ(chunk.meta.values, 4);
}

// int8 LIST<LIST>: rows [[-128, 127]], [], [[0, 1], [2, 3]]. Repetition 0 2 | 0 | 0 2 1 2 in two
// bits each from the lowest: 0,2,0,0 = 08; 2,1,2,0 = 26. Definition 2 2 | 0 | 2 2 2 2: 2,2,0,2 =
// 8A; 2,2,2,0 = 2A. Indices v + 128 in one packed run of 8 bits (padded to 8).
TEST(ChunkWriter, NestedInt8Page) {
  PagePress press;
  ChunkWriter writer(embedding_layout(OutputType::int8, 2, true));
  writer.add_vectors(bytes_of({0x80, 0x7F}), 1, 2, false);
  writer.add_vectors({}, 0, 2, false);
  writer.add_vectors(bytes_of({0, 1, 2, 3}), 2, 2, false);
  const Chunk chunk = flush(writer, press);
  PageHeader header;
  EXPECT_EQ(page_of(chunk.sink.bytes(), header, chunk.meta.codec),
            bytes_of({3,    0,    0, 0,    0x03, 0x08, 0x26, 3,   0,   0,   0, 0x03,
                      0x8A, 0x2A, 8, 0x03, 0,    255,  128,  129, 130, 131, 0, 0}));
  EXPECT_EQ(header.values, 7);
  EXPECT_EQ(chunk.meta.dictionary_offset, 0);
  EXPECT_GT(chunk.meta.data_offset, 0);
}

TEST(ChunkWriter, OptionalStringPage) {
  PagePress press;
  OutputSpec spec;
  spec.dims = 1;
  spec.kept_fields = {{"title"}};
  ChunkWriter writer(layout_of(spec, {}).columns[5]);
  writer.add_bytes("ab");
  writer.add_null();
  writer.add_bytes("");
  const Chunk chunk = flush(writer, press);
  PageHeader header;
  EXPECT_EQ(page_of(chunk.sink.bytes(), header, chunk.meta.codec),
            bytes_of({2, 0, 0, 0, 0x03, 0x05, 2, 0, 0, 0, 'a', 'b', 0, 0, 0, 0}));
  EXPECT_EQ(header.values, 3);
}

TEST(ChunkWriter, BooleanPage) {
  PagePress press;
  OutputSpec spec;
  spec.dims = 1;
  ChunkWriter writer(layout_of(spec, {}).columns[3]);
  for (const bool b : {true, false, true, true, false, false, false, false, true}) {
    writer.add_boolean(b);
  }
  const Chunk chunk = flush(writer, press);
  PageHeader header;
  EXPECT_EQ(page_of(chunk.sink.bytes(), header, chunk.meta.codec), bytes_of({0x0D, 0x01}));
}

// A page header by hand: {1: 0, 2: 10, 3: 5, 4: crc, 5: {1: 3, 2: PLAIN, 3: RLE, 4: RLE}}.
TEST(PageHeader, WritesTheDocumentedBytes) {
  PageHeader header;
  header.uncompressed_size = 10;
  header.compressed_size = 5;
  header.crc = 1;
  header.values = 3;
  std::vector<std::byte> out;
  write_page_header(header, out);
  EXPECT_EQ(out, bytes_of({0x15, 0x00, 0x15, 0x14, 0x15, 0x0A, 0x15, 0x02, 0x1C, 0x15, 0x06, 0x15,
                           0x00, 0x15, 0x06, 0x15, 0x06, 0x00, 0x00}));
}

TEST(ChunkReader, FindsEveryFlippedByteOfAPage) {
  PagePress press;
  PageCodec codec;
  ChunkWriter writer(embedding_layout(OutputType::f32, 8, false));
  const std::vector<float> row = {1, 2, 3, 4, 5, 6, 7, 8};
  for (int i = 0; i < 20; ++i) writer.add_vectors(std::as_bytes(std::span(row)), 1, 8, true);
  const Chunk chunk = flush(writer, press);
  std::size_t header_size = 0;
  read_page_header(chunk.sink.bytes(), header_size);
  for (std::size_t i = header_size; i < chunk.sink.bytes().size(); ++i) {
    auto bytes = chunk.sink.bytes();
    bytes[i] ^= std::byte{0x10};
    const MemoryBytes in(bytes, "chunk");
    PageBudget budget;
    ChunkReader reader(embedding_layout(OutputType::f32, 8, false), budget);
    reader.open(chunk.meta, in, codec);
    std::vector<std::byte> out;
    EXPECT_THROW(reader.vectors(out, 8, true), Damaged) << i;
  }
}

TEST(ChunkReader, RefusesMoreThanItsBudget) {
  PagePress press;
  PageCodec codec;
  OutputSpec spec;
  spec.dims = 1;
  ChunkWriter writer(layout_of(spec, {}).columns[0]);
  writer.add_bytes(std::string(100000, 'x'));
  const Chunk chunk = flush(writer, press);
  const MemoryBytes in(chunk.sink.bytes(), "chunk");
  PageBudget budget{50000};
  ChunkReader reader(layout_of(spec, {}).columns[0], budget);
  reader.open(chunk.meta, in, codec);
  EXPECT_THROW(reader.bytes(), Damaged);
}

TEST(TokenNumbers, TakesEachNumberForOneName) {
  TokenNumbers tokens;
  tokens.set(3, "three", 5);
  tokens.set(0, "", 5);
  tokens.set(3, "three", 5);
  EXPECT_EQ(tokens.names()[3], "three");
  EXPECT_THROW(tokens.set(3, "four", 5), Damaged);
  EXPECT_THROW(tokens.set(0, "zero", 5), Damaged);
  EXPECT_THROW(tokens.set(5, "five", 5), Damaged);
  EXPECT_THROW(tokens.set(-1, "none", 5), Damaged);
}

TEST(Layout, RefusesNamesThatAreTaken) {
  OutputSpec spec;
  spec.dims = 4;
  spec.kept_fields = {{"title"}, {"id"}};
  EXPECT_THROW(layout_of(spec, {}), Error);
  spec.kept_fields = {{"title"}, {"title"}};
  EXPECT_THROW(layout_of(spec, {}), Error);
  spec.kept_fields = {{"title"}, {""}};
  EXPECT_THROW(layout_of(spec, {}), Error);
  spec.kept_fields = {{"title"}};
  EXPECT_EQ(layout_of(spec, {}).columns.size(), 6U);
  spec.kept_fields = {{"indices"}};
  EXPECT_EQ(layout_of(spec, {}).columns.size(), 6U);
  spec.kind = RowKind::sparse;
  EXPECT_THROW(layout_of(spec, {}), Error);
  spec.dims = 0;
  EXPECT_THROW(layout_of(spec, {}), Error);
}

}  // namespace
}  // namespace embedtool::parquet
