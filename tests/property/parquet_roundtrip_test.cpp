#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "formats/parquet/parquet_reader.hpp"
#include "formats/parquet/parquet_writer.hpp"
#include "tests/support/job_threads.hpp"
#include "tests/support/memory_io.hpp"
#include "tests/support/output_testing.hpp"
#include "tests/support/sample_rows.hpp"

namespace embedtool {
namespace {

using testing::MemoryBytes;
using testing::MemorySink;
using testing::part_of;
using testing::RowGenerator;
using testing::sample_spec;
using testing::SampleRows;

std::vector<std::byte> write_cut(const OutputSpec& spec, const SampleRows& rows, std::size_t cut,
                                 const ParquetOptions& options = {}, JobRunner* runner = nullptr) {
  ParquetWriter writer(spec, options);
  writer.set_runner(runner);
  MemorySink sink;
  writer.begin(sink);
  for (std::size_t at = 0; at < rows.rows.size(); at += cut) {
    const std::size_t end = std::min(at + cut, rows.rows.size());
    writer.append(part_of(rows, spec, at, end), 0, end - at);
  }
  writer.end();
  EXPECT_EQ(writer.rows(), rows.rows.size());
  return sink.bytes();
}

void expect_same(const SampleRows& rows, const OutputBlock& read, const OutputSpec& spec) {
  ASSERT_EQ(read.rows.size(), rows.rows.size());
  EXPECT_EQ(read.vectors, rows.vectors);
  if (spec.kind == RowKind::multi && !rows.rows.empty()) {
    EXPECT_EQ(read.offsets, rows.offsets);
  }
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    ASSERT_EQ(read.documents.id(read.documents.records[i]),
              rows.documents.id(rows.documents.records[i]));
    ASSERT_EQ(read.rows[i].n_tokens, rows.rows[i].n_tokens);
    ASSERT_EQ(read.rows[i].truncated, rows.rows[i].truncated);
    ASSERT_EQ(read.rows[i].text_hash, rows.rows[i].text_hash);
  }
  ASSERT_EQ(read.documents.chunks.size(), rows.documents.chunks.size());
  for (std::size_t i = 0; i < rows.documents.chunks.size(); ++i) {
    const ChunkPlace& a = rows.documents.chunks[i];
    const ChunkPlace& b = read.documents.chunks[i];
    ASSERT_EQ(rows.documents.string(a.document), read.documents.string(b.document));
    if (spec.chunk_text) {
      ASSERT_EQ(rows.documents.string(a.text), read.documents.string(b.text));
    }
    for (const ChunkNumber& number : kChunkNumbers) {
      ASSERT_EQ(a.*number.value, b.*number.value);
    }
  }
  ASSERT_EQ(read.documents.kept.size(), rows.documents.kept.size());
  for (std::size_t i = 0; i < rows.documents.kept.size(); ++i) {
    const Slice a = rows.documents.kept[i];
    const Slice b = read.documents.kept[i];
    ASSERT_EQ(a.is_null(), b.is_null());
    if (a.is_null()) continue;
    ASSERT_EQ(rows.documents.string(a), read.documents.string(b));
  }
}

/// Of every second one the rows are chunks, some with their texts.
OutputSpec any_spec(OutputType type, std::size_t dims, bool multi) {
  OutputSpec spec = sample_spec(type, dims, multi, dims % 5);
  spec.chunked = dims % 2 == 1;
  spec.chunk_text = spec.chunked && dims % 3 == 0;
  return spec;
}

class ParquetRoundTrip
    : public ::testing::TestWithParam<std::tuple<OutputType, bool, std::size_t, std::size_t>> {};

TEST_P(ParquetRoundTrip, RowsComeBackAndCutsDoNotMatter) {
  const auto [type, multi, dims, count] = GetParam();
  const OutputSpec spec = any_spec(type, dims, multi);
  const SampleRows rows = RowGenerator(spec, dims * 1000 + count).make(count);
  const auto whole = write_cut(spec, rows, count + 1);
  for (const std::size_t cut : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
    ASSERT_EQ(write_cut(spec, rows, cut), whole) << "windows of " << cut;
  }
  const MemoryBytes bytes(whole, "whole");
  ParquetReader reader(bytes);
  EXPECT_EQ(reader.rows(), count);
  EXPECT_EQ(reader.spec().metadata, spec.metadata);
  EXPECT_EQ(reader.spec().kept_fields, spec.kept_fields);
  EXPECT_EQ(reader.spec().int8_scale, spec.int8_scale);
  OutputBlock block;
  reader.read(block, {count + 1, std::size_t{1} << 40});
  expect_same(rows, block, spec);
  EXPECT_FALSE(reader.read(block, {1, 1}));
}

TEST_P(ParquetRoundTrip, ReadsEveryForm) {
  const auto [type, multi, dims, count] = GetParam();
  const OutputSpec spec = any_spec(type, dims, multi);
  const SampleRows rows = RowGenerator(spec, dims * 1000 + count).make(count);
  for (const VectorEncoding encoding : {VectorEncoding::plain, VectorEncoding::split}) {
    for (const VectorType vectors : {VectorType::fixed, VectorType::list}) {
      ParquetOptions options;
      options.encoding = encoding;
      options.vectors = vectors;
      const auto whole = write_cut(spec, rows, count + 1, options);
      const MemoryBytes bytes(whole, "whole");
      ParquetReader reader(bytes);
      EXPECT_EQ(reader.form().encoding, encoding);
      EXPECT_EQ(reader.form().vectors, vectors);
      EXPECT_EQ(reader.spec().metadata, spec.metadata);
      OutputBlock block;
      reader.read(block, {count + 1, std::size_t{1} << 40});
      expect_same(rows, block, spec);
    }
  }
}

// Files that version 1 of the format wrote, of 5 rows × 3 dimensions.
TEST(ParquetReader, ReadsOlderFiles) {
  const auto folder = std::filesystem::path(EMBEDTOOL_SOURCE_DIR) / "tests/fuzz/seeds/parquet";
  for (const OutputType type :
       {OutputType::f32, OutputType::f16, OutputType::int8, OutputType::binary}) {
    for (const bool multi : {false, true}) {
      const std::string name = std::string(name_of(type)) + (multi ? "_multi" : "");
      const std::string text = testing::read_file(folder / name);
      const MemoryBytes bytes(std::as_bytes(std::span(text)), name);
      ParquetReader reader(bytes);
      EXPECT_TRUE(reader.form().old) << name;
      EXPECT_EQ(reader.spec().type, type);
      EXPECT_EQ(reader.spec().dims, 3U);
      OutputBlock block;
      reader.read(block, {100, std::size_t{1} << 20});
      EXPECT_EQ(block.rows.size(), 5U) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ParquetRoundTrip,
                         ::testing::Combine(::testing::Values(OutputType::f32, OutputType::f16,
                                                              OutputType::int8, OutputType::binary),
                                            ::testing::Bool(), ::testing::Values(1, 9, 64, 384),
                                            ::testing::Values(0, 1, 10, 3000)));

/// Entries by name.
std::vector<std::pair<std::string, float>> named_weights(std::span<const SparseEntry> entries,
                                                         std::span<const std::string> tokens) {
  std::vector<std::pair<std::string, float>> out;
  for (const SparseEntry& entry : entries) {
    out.emplace_back(tokens[static_cast<std::size_t>(entry.token)], entry.weight);
  }
  return out;
}

class SparseRoundTrip : public ::testing::TestWithParam<std::tuple<std::size_t, std::size_t>> {};

TEST_P(SparseRoundTrip, RowsComeBackAndCutsDoNotMatter) {
  const auto [dims, count] = GetParam();
  const OutputSpec spec = testing::sparse_spec(dims, dims % 3);
  const SampleRows rows = RowGenerator(spec, dims * 1000 + count).make(count);
  const auto whole = write_cut(spec, rows, count + 1);
  for (const std::size_t cut : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
    ASSERT_EQ(write_cut(spec, rows, cut), whole) << "windows of " << cut;
  }
  const MemoryBytes bytes(whole, "whole");
  ParquetReader reader(bytes);
  EXPECT_EQ(reader.spec().kind, RowKind::sparse);
  EXPECT_EQ(reader.spec().metadata, spec.metadata);
  EXPECT_EQ(reader.spec().kept_fields, spec.kept_fields);
  OutputBlock block;
  reader.read(block, {count + 1, std::size_t{1} << 40});
  ASSERT_EQ(block.rows.size(), rows.rows.size());
  if (count > 0) {
    EXPECT_EQ(block.offsets, rows.offsets);
  }
  EXPECT_EQ(named_weights(block.weights, block.tokens.names()),
            named_weights(rows.weights, rows.tokens));
  // Their numbers come back too, where the file has them.
  EXPECT_EQ(block.weights, rows.weights);
  ParquetOptions options;
  options.indexed = false;
  const auto unnumbered = write_cut(spec, rows, count + 1, options);
  const MemoryBytes others(unnumbered, "unnumbered");
  ParquetReader by_name(others);
  OutputBlock found;
  by_name.read(found, {count + 1, std::size_t{1} << 40});
  EXPECT_EQ(named_weights(found.weights, found.tokens.names()),
            named_weights(rows.weights, rows.tokens));
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_EQ(block.rows[i].text_hash, rows.rows[i].text_hash);
  }
  EXPECT_EQ(block.documents.kept.size(), rows.documents.kept.size());
}

INSTANTIATE_TEST_SUITE_P(All, SparseRoundTrip,
                         ::testing::Combine(::testing::Values(1, 9, 5000),
                                            ::testing::Values(0, 1, 10, 3000)));

// 16 MiB of values end a row group: 5000 rows of 1024 floats must take two.
TEST(ParquetWriter, CutsRowGroupsByBytes) {
  const OutputSpec spec = sample_spec(OutputType::f32, 1024, false, 0);
  const SampleRows rows = RowGenerator(spec, 1).make(5000);
  const auto file = write_cut(spec, rows, 64);
  const MemoryBytes bytes(file, "file");
  ParquetReader reader(bytes);
  EXPECT_EQ(reader.row_groups(), 2U);
  OutputBlock block;
  ASSERT_TRUE(reader.read(block, {10000, std::size_t{1} << 40}));
  expect_same(rows, block, spec);
  // A recycled block of bounded size sees the same rows.
  ParquetReader again(bytes);
  OutputBlock part;
  std::vector<std::byte> vectors;
  while (part.clear(), again.read(part, {100000, std::size_t{1} << 20})) {
    EXPECT_LE(part.byte_size(), (std::size_t{1} << 20) + 8192);
    vectors.insert(vectors.end(), part.vectors.begin(), part.vectors.end());
  }
  EXPECT_EQ(vectors, rows.vectors);
}

TEST(ParquetWriter, CutsRowGroupsBySizeAsked) {
  const OutputSpec spec = sample_spec(OutputType::f32, 1024, false, 0);
  const SampleRows rows = RowGenerator(spec, 1).make(1000);
  ParquetOptions options;
  options.row_group_bytes = std::uint64_t{1} << 20U;
  ParquetWriter writer(spec, options);
  MemorySink sink;
  writer.begin(sink);
  writer.append(part_of(rows, spec, 0, 1000), 0, 1000);
  writer.end();
  const MemoryBytes bytes(sink.bytes(), "file");
  ParquetReader reader(bytes);
  EXPECT_EQ(reader.row_groups(), 4U);  // 256 rows or a few less bring 1 MiB
  OutputBlock block;
  ASSERT_TRUE(reader.read(block, {10000, std::size_t{1} << 40}));
  expect_same(rows, block, spec);
}

TEST(ParquetWriter, CutsRowGroupsByRows) {
  const OutputSpec spec = sample_spec(OutputType::binary, 8, false, 0);
  const SampleRows rows = RowGenerator(spec, 1).make(70000);
  const auto file = write_cut(spec, rows, 4096);
  const MemoryBytes bytes(file, "file");
  EXPECT_EQ(ParquetReader(bytes).row_groups(), 2U);
}

TEST(ParquetWriter, BytesDoNotDependOnWhoEncodesThem) {
  testing::JobThreads threads(3);
  for (const OutputType type : {OutputType::f32, OutputType::int8, OutputType::binary}) {
    for (const VectorEncoding encoding : {VectorEncoding::plain, VectorEncoding::split}) {
      for (const bool multi : {false, true}) {
        const OutputSpec spec = sample_spec(type, 64, multi, 2);
        const SampleRows rows = RowGenerator(spec, 1).make(6000);
        ParquetOptions options;
        options.encoding = encoding;
        options.row_group_bytes = std::uint64_t{1} << 18U;
        const auto alone = write_cut(spec, rows, 512, options);
        EXPECT_EQ(write_cut(spec, rows, 512, options, &threads), alone);
      }
    }
  }
}

TEST(ParquetWriter, AFileIsGivenUpWithItsPagesUnderWay) {
  testing::JobThreads threads(2);
  const OutputSpec spec = sample_spec(OutputType::f32, 64, false, 0);
  const SampleRows rows = RowGenerator(spec, 1).make(20000);
  const auto wanted = write_cut(spec, rows, 20000);
  for (int round = 0; round < 5; ++round) {
    MemorySink given_up;
    MemorySink sink;
    ParquetWriter writer(spec, {});
    writer.set_runner(&threads);
    writer.begin(given_up);
    writer.append(part_of(rows, spec, 0, 12000), 0, 12000);
    writer.begin(sink);
    writer.append(part_of(rows, spec, 0, 20000), 0, 20000);
    writer.end();
    EXPECT_EQ(sink.bytes(), wanted);
    writer.begin(given_up);
    writer.append(part_of(rows, spec, 0, 12000), 0, 12000);
  }
}

}  // namespace
}  // namespace embedtool
