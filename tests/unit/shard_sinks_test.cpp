#include "formats/output/shard_sinks.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/error.hpp"
#include "formats/io/fd_sink.hpp"
#include "formats/io/json_text.hpp"
#include "formats/output/npy.hpp"
#include "formats/output/shard_reader.hpp"
#include "formats/output/verify.hpp"
#include "tests/support/memory_io.hpp"
#include "tests/support/output_testing.hpp"

namespace embedtool {
namespace {

using testing::MemoryBytes;
using testing::read_file;
using testing::RowGenerator;
using testing::sample_spec;
using testing::SampleRows;
using testing::SampleRun;
using testing::SampleSink;
using testing::TempFolder;
using testing::write_sample;

/// One row by hand.
struct HandRow {
  DocumentBlock documents;
  std::vector<RowInfo> rows;
  std::vector<std::byte> vectors;
  std::vector<std::uint64_t> offsets;

  void add(std::string_view id, std::string_view kept) {
    Record record;
    record.id = documents.append(id);
    documents.kept.push_back(kept.empty() ? Slice::null() : documents.append(kept));
    RowInfo info;
    info.record = static_cast<std::uint32_t>(rows.size());
    info.n_tokens = 7;
    info.truncated = rows.size() == 1;
    documents.records.push_back(record);
    rows.push_back(info);
  }
  template <typename Element>
  void values(std::initializer_list<Element> list) {
    for (const Element v : list) {
      const auto bytes = std::as_bytes(std::span(&v, 1));
      vectors.insert(vectors.end(), bytes.begin(), bytes.end());
    }
  }
  EmbeddingBlock view() const { return {&documents, rows, vectors, {}, offsets, {}}; }
};

OutputSpec hand_spec(OutputType type, std::size_t dims, bool multi) {
  OutputSpec spec;
  spec.type = type;
  spec.dims = dims;
  if (multi) spec.kind = RowKind::multi;
  spec.int8_scale = 0.5F;
  spec.kept_fields = {{"title"}};
  return spec;
}

/// What open_jsonl_stream() puts into a pipe for one block.
std::string streamed(const OutputSpec& spec, const EmbeddingBlock& block) {
  const TempFolder scratch;
  const UniqueFd fd(::open((scratch / "lines").c_str(), O_WRONLY | O_CREAT, 0600));
  const auto sink = open_jsonl_stream(fd.get(), "lines", spec);
  sink->write(block);
  std::string before_finish = read_file(scratch / "lines");  // written without waiting for the end
  sink->finish();
  EXPECT_EQ(read_file(scratch / "lines"), before_finish);
  EXPECT_EQ(sink->bytes_written(), before_finish.size());
  return before_finish;
}

TEST(JsonlSink, PrintsTheShortestNumbersThatReadBack) {
  HandRow row;
  row.add("a\"\\\n\x01é", "t\t");
  row.values({0.1F, -0.0F, 1e-10F, 16777216.0F});
  row.add("b", "");
  row.values({std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max(), 1.0F,
              0.3333333432674407958984375F});
  EXPECT_EQ(streamed(hand_spec(OutputType::f32, 4, false), row.view()),
            "{\"id\":\"a\\\"\\\\\\n\\u0001é\",\"embedding\":[0.1,-0.0,1e-10,16777216],"
            "\"title\":\"t\\t\"}\n"
            "{\"id\":\"b\",\"embedding\":[1e-45,3.4028235e+38,1,0.33333334],\"title\":null}\n");
}

TEST(JsonlSink, PrintsIntegersAsSuch) {
  HandRow row;
  row.add("a", "");
  row.values<std::int8_t>({-128, 127, 0});
  EXPECT_EQ(streamed(hand_spec(OutputType::int8, 3, false), row.view()),
            "{\"id\":\"a\",\"embedding\":[-128,127,0],\"title\":null}\n");
  HandRow bits;
  bits.add("a", "");
  bits.values<std::uint8_t>({0x80, 0xFF});
  EXPECT_EQ(streamed(hand_spec(OutputType::binary, 16, false), bits.view()),
            "{\"id\":\"a\",\"embedding\":[128,255],\"title\":null}\n");
}

TEST(JsonlSink, NestsMultiVectors) {
  HandRow row;
  row.add("a", "");
  row.add("b", "");
  row.values<std::uint16_t>({0x3C00, 0xC000, 0x0001, 0x7BFF});  // 1, -2, 2^-24, 65504
  row.offsets = {0, 0, 2};
  EXPECT_EQ(streamed(hand_spec(OutputType::f16, 2, true), row.view()),
            "{\"id\":\"a\",\"embedding\":[],\"title\":null}\n"
            "{\"id\":\"b\",\"embedding\":[[1,-2],[5.9604645e-08,65504]],\"title\":null}\n");
}

TEST(JsonlSink, LinesAreJson) {
  const OutputSpec spec = sample_spec(OutputType::f32, 5, false, 2);
  const SampleRows rows = RowGenerator(spec, 3).make(300);
  const std::string text = streamed(spec, rows.view());
  std::size_t row = 0;
  for (std::size_t at = 0; at < text.size(); ++row) {
    const std::size_t end = text.find('\n', at);
    const auto json = nlohmann::json::parse(text.substr(at, end - at));
    at = end + 1;
    ASSERT_EQ(json.at("id").get<std::string>(), rows.documents.id(rows.documents.records[row]));
    for (std::size_t d = 0; d < 5; ++d) {
      float expected = 0;
      std::memcpy(&expected, &rows.vectors[(row * 5 + d) * 4], 4);
      ASSERT_EQ(json.at("embedding")[d].get<float>(), expected);
    }
  }
  EXPECT_EQ(row, 300U);
}

TEST(JsonlSink, SaysNullWhereJsonHasNoNumber) {
  std::string out;
  append_json_number(out, std::nanf(""));
  append_json_number(out, std::numeric_limits<float>::infinity());
  EXPECT_EQ(out, "nullnull");
}

// numpy.lib.format: magic, 1.0, little-endian length, a Python literal padded with spaces so that
// the data start at a multiple of 64.
TEST(NpySink, HeaderIsNumPys) {
  const auto header = npy_header("<f4", 3, 384);
  const std::string text(reinterpret_cast<const char*>(header.data()), header.size());
  EXPECT_EQ(text.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_EQ(text.substr(10, 60), "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 384), ");
  EXPECT_EQ(text.back(), '\n');
  const auto offsets = npy_header("<i8", 4, 0);
  const std::string flat(reinterpret_cast<const char*>(offsets.data()), offsets.size());
  EXPECT_THAT(flat, ::testing::HasSubstr("'shape': (4,), }"));
}

TEST(NpySink, HeaderComesBackAndNothingElseDoes) {
  auto header = npy_header("|i1", UINT64_MAX, 1 << 20);
  const MemoryBytes good(header, "good");
  EXPECT_EQ(read_npy_header(good).rows, UINT64_MAX);
  EXPECT_EQ(read_npy_header(good).columns, 1U << 20);
  for (std::size_t i = 0; i < header.size(); ++i) {
    auto bad = header;
    bad[i] ^= std::byte{4};
    const MemoryBytes bytes(bad, "bad");
    try {
      const NpyShape shape = read_npy_header(bytes);
      // A changed digit is another shape, honestly read.
      EXPECT_EQ(npy_header(shape.dtype, shape.rows, shape.columns), bad);
    } catch (const Error&) {
    }
  }
}

TEST(NpySink, WritesVectorsIdsAndOffsets) {
  const TempFolder scratch;
  SampleRun how;
  how.spec = sample_spec(OutputType::f16, 6, true, 1);
  how.sink = SampleSink::npy;
  how.window = 7;
  const SampleRows rows = RowGenerator(how.spec, 5).make(50);
  write_sample(scratch / "out", rows, how);
  const std::string vectors = read_file(scratch / "out/embeddings.npy");
  ASSERT_EQ(vectors.size(), kNpyHeaderBytes + rows.vectors.size());
  EXPECT_EQ(std::memcmp(vectors.data() + kNpyHeaderBytes, rows.vectors.data(), rows.vectors.size()),
            0);
  const std::string offsets = read_file(scratch / "out/offsets.npy");
  ASSERT_EQ(offsets.size(), kNpyHeaderBytes + 51 * 8);
  EXPECT_EQ(std::memcmp(offsets.data() + kNpyHeaderBytes, rows.offsets.data(), 51 * 8), 0);
  const VerifyReport report = verify_output(scratch / "out");
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.rows, 50U);
  EXPECT_EQ(report.data, "npy");
}

TEST(ParquetSink, AnEmptyOutputHasOneShardWithoutRows) {
  const TempFolder scratch;
  SampleRun how;
  how.spec = sample_spec(OutputType::f32, 6, false, 1);
  write_sample(scratch / "out", {}, how);
  OutputReader reader(scratch / "out");
  EXPECT_EQ(reader.manifest().shards.size(), 1U);
  EXPECT_EQ(reader.rows(), 0U);
  OutputBlock block;
  EXPECT_FALSE(reader.read(block, {10, 1000}));
  EXPECT_TRUE(verify_output(scratch / "out").ok());
}

TEST(ParquetSink, ShardsEndByRowsOrBytes) {
  const TempFolder scratch;
  SampleRun how;
  how.spec = sample_spec(OutputType::f32, 16, false, 0);
  how.shards.rows_per_shard = 30;
  const SampleRows rows = RowGenerator(how.spec, 6).make(100);
  write_sample(scratch / "rows", rows, how);
  EXPECT_EQ(OutputReader(scratch / "rows").manifest().shards.size(), 4U);
  how.shards.rows_per_shard = 1000;
  how.shards.bytes_per_shard = 50 * 64;  // a row has 64 bytes of vector and some more
  write_sample(scratch / "bytes", rows, how);
  EXPECT_EQ(OutputReader(scratch / "bytes").manifest().shards.size(), 3U);
  how.shards.rows_per_shard = 0;
  EXPECT_THROW(write_sample(scratch / "zero", rows, how), Error);
}

TEST(OutputReader, SaysWhatIsMissing) {
  const TempFolder scratch;
  EXPECT_THROW(OutputReader(scratch / "absent"), Error);
  std::filesystem::create_directory(scratch / "empty");
  EXPECT_THROW(OutputReader(scratch / "empty"), Error);
  SampleRun how;
  how.spec = sample_spec(OutputType::f32, 6, false, 0);
  how.sink = SampleSink::jsonl;
  write_sample(scratch / "jsonl", RowGenerator(how.spec, 6).make(10), how);
  EXPECT_TRUE(verify_output(scratch / "jsonl").ok());
  EXPECT_THROW(OutputReader(scratch / "jsonl"), Error);
}

// A record may give several rows, and a shard end among them: the next run gets the record again
// from its first row on and writes the rows that are missing.
TEST(ParquetSink, GoesOnInsideARecord) {
  const TempFolder scratch;
  SampleRun how;
  how.spec = sample_spec(OutputType::f32, 4, false, 0);
  SampleRows rows = RowGenerator(how.spec, 3).make(63);
  for (std::size_t i = 0; i < 63; ++i) {
    Record& record = rows.documents.records[i];
    record.ordinal = i / 7;
    record.position = record.prefix = i / 7 + 100;
  }
  for (std::size_t shard_rows = 1; shard_rows < 20; ++shard_rows) {
    how.shards.rows_per_shard = shard_rows;
    const std::string whole = scratch / ("whole" + std::to_string(shard_rows));
    write_sample(whole, rows, how);
    const std::string out = scratch / ("out" + std::to_string(shard_rows));
    std::size_t from = 0;
    for (const std::size_t stop : {28, 35, 63}) {
      RunDirectory run(out, ExistingOutput::resume);
      run.claim(testing::sample_identity(how));
      if (run.completed_rows() > 0) {
        const ShardEntry& last = run.completed_shards().back();
        EXPECT_EQ(last.prefix, last.last_record + 100);
        from = run.completed_rows() - last.last_record_rows;
        EXPECT_EQ(from % 7, 0U);
      }
      const auto sink = testing::open_sample_sink(run, how);
      sink->write(part_of(rows, how.spec, from, stop));
      if (stop < 63) continue;
      sink->finish();
      run.publish_file("report.json", "{\"total_ms\":1}\n");
      run.finish(testing::sample_manifest(how));
    }
    EXPECT_EQ(testing::contents_of(out), testing::contents_of(whole)) << shard_rows;
  }
}

}  // namespace
}  // namespace embedtool
