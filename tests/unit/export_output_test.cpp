#include "formats/output/export_output.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstring>

#include "core/base/error.hpp"
#include "formats/io/base64.hpp"
#include "formats/output/shard_values.hpp"
#include "formats/parquet/parquet_reader.hpp"
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
using testing::write_file;
using testing::write_sample;

/// One output in all three forms.
struct Forms {
  TempFolder scratch;
  SampleRun how;
  SampleRows rows;

  explicit Forms(OutputType type, bool multi) {
    how.spec = sample_spec(type, 10, multi, 1);
    how.shards.rows_per_shard = 40;
    rows = RowGenerator(how.spec, 4).make(100);
    write_sample(scratch / "parquet", rows, how);
    how.sink = SampleSink::npy;
    write_sample(scratch / "npy", rows, how);
    how.sink = SampleSink::jsonl;
    write_sample(scratch / "jsonl", rows, how);
  }
};

class Export : public ::testing::TestWithParam<std::tuple<OutputType, bool>> {};

TEST_P(Export, GivesTheBytesThatEncodeGives) {
  const auto [type, multi] = GetParam();
  const Forms forms(type, multi);
  const TempFolder& s = forms.scratch;
  const ExportCounts counts = export_output(s / "parquet", ExportFormat::npy, s / "x.npy");
  EXPECT_EQ(counts.rows, 100U);
  EXPECT_EQ(counts.vectors, multi ? forms.rows.offsets.back() : 100U);
  EXPECT_EQ(read_file(s / "x.npy"), read_file(s / "npy/embeddings.npy"));
  EXPECT_EQ(read_file(s / "x.ids.jsonl"), read_file(s / "npy/ids.jsonl"));
  EXPECT_EQ(read_file(s / "x.offsets.npy"), read_file(s / "npy/offsets.npy"));
  export_output(s / "parquet", ExportFormat::jsonl, s / "x.jsonl");
  EXPECT_EQ(read_file(s / "x.jsonl"), read_file(s / "jsonl/embeddings.jsonl"));
}

TEST_P(Export, JoinsShardsIntoOneFile) {
  const auto [type, multi] = GetParam();
  const Forms forms(type, multi);
  export_output(forms.scratch / "parquet", ExportFormat::parquet, forms.scratch / "one.parquet");
  const std::string text = read_file(forms.scratch / "one.parquet");
  const MemoryBytes bytes(std::as_bytes(std::span(text)), "one.parquet");
  ParquetReader reader(bytes);
  EXPECT_EQ(reader.rows(), 100U);
  EXPECT_EQ(reader.spec().metadata, forms.how.spec.metadata);
  OutputBlock block;
  reader.read(block, {1000, 1 << 20});
  EXPECT_EQ(block.vectors, forms.rows.vectors);
}

// fvecs: dimension as int32, then that many f32, for each vector.
TEST_P(Export, WritesFvecs) {
  const auto [type, multi] = GetParam();
  const Forms forms(type, multi);
  export_output(forms.scratch / "parquet", ExportFormat::fvecs, forms.scratch / "x.fvecs");
  const std::string text = read_file(forms.scratch / "x.fvecs");
  const std::size_t size = vector_bytes(type, 10);
  const std::size_t count = forms.rows.vectors.size() / size;
  ASSERT_EQ(text.size(), count * 44);
  for (std::size_t v = 0; v < count; ++v) {
    std::int32_t dims = 0;
    std::array<float, 10> values{};
    std::array<float, 10> expected{};
    std::memcpy(&dims, text.data() + v * 44, 4);
    std::memcpy(values.data(), text.data() + v * 44 + 4, 40);
    values_of(forms.how.spec, forms.rows.vectors.data() + v * size, 1, expected.data());
    ASSERT_EQ(dims, 10);
    ASSERT_EQ(values, expected);
  }
}

std::int32_t int_at(const std::string& text, std::size_t at) {
  std::int32_t value = 0;
  std::memcpy(&value, text.data() + at, sizeof value);
  return value;
}

TEST_P(Export, WritesBvecsOfBytes) {
  const auto [type, multi] = GetParam();
  const Forms forms(type, multi);
  const std::string path = forms.scratch / "x.bvecs";
  const auto write = [&] {
    return export_output(forms.scratch / "parquet", ExportFormat::bvecs, path);
  };
  if (type == OutputType::f32 || type == OutputType::f16) {
    EXPECT_THROW(write(), Error);
    return;
  }
  write();
  const std::string text = read_file(path);
  const std::size_t size = vector_bytes(type, 10);
  ASSERT_EQ(text.size(), forms.rows.vectors.size() / size * (size + 4));
  const unsigned shift = type == OutputType::int8 ? 128 : 0;
  for (std::size_t i = 0; i < forms.rows.vectors.size(); ++i) {
    const std::size_t at = i / size * (size + 4);
    ASSERT_EQ(int_at(text, at), static_cast<std::int32_t>(size));
    const auto stored = static_cast<unsigned char>(text[at + 4 + i % size]);
    ASSERT_EQ((stored - shift) & 255U, std::to_integer<unsigned>(forms.rows.vectors[i]));
  }
}

// Base64 of the stored bytes, in place of each row's numbers.
TEST_P(Export, WritesJsonlInBase64) {
  const auto [type, multi] = GetParam();
  const Forms forms(type, multi);
  ExportOptions options;
  options.embedding_as = JsonEmbedding::base64;
  export_output(forms.scratch / "parquet", ExportFormat::jsonl, forms.scratch / "x.jsonl", options);
  const std::string text = read_file(forms.scratch / "x.jsonl");
  const std::size_t size = vector_bytes(type, 10);
  const std::size_t count = multi ? forms.rows.offsets[1] : 1;
  std::string expected = "\"embedding\":\"";
  append_base64(expected, std::span(forms.rows.vectors).first(count * size));
  EXPECT_NE(text.substr(0, text.find('\n')).find(expected + "\""), std::string::npos);
}

// What does not fit is refused before a file is made.
TEST_P(Export, RefusesSeveralVectorsWhereOneIsMeant) {
  const auto [type, multi] = GetParam();
  const Forms forms(type, multi);
  for (const ExportFormat format : {ExportFormat::pgcopy, ExportFormat::faiss}) {
    const std::string path = forms.scratch / std::string(name_of(format));
    // Faiss counts whole bytes; of 10 bits there are none.
    const bool refused = multi || (format == ExportFormat::faiss && type == OutputType::binary);
    if (refused) {
      EXPECT_THROW(export_output(forms.scratch / "parquet", format, path), Error);
      EXPECT_FALSE(std::filesystem::exists(path));
    } else {
      export_output(forms.scratch / "parquet", format, path);
      EXPECT_TRUE(std::filesystem::exists(path));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Export,
                         ::testing::Combine(::testing::Values(OutputType::f32, OutputType::f16,
                                                              OutputType::int8, OutputType::binary),
                                            ::testing::Bool()));

TEST(ShardValues, FollowEachTypesMeaning) {
  OutputSpec spec;
  spec.dims = 4;
  std::array<float, 4> out{};
  spec.type = OutputType::int8;
  spec.int8_scale = 0.5F;
  const std::array<std::int8_t, 4> ints = {-128, -1, 0, 127};
  values_of(spec, std::as_bytes(std::span(ints)).data(), 1, out.data());
  EXPECT_EQ(out, (std::array<float, 4>{-64.0F, -0.5F, 0.0F, 63.5F}));
  spec.type = OutputType::binary;
  const std::byte bits{0xA0};  // the first dimension is the highest bit
  values_of(spec, &bits, 1, out.data());
  EXPECT_EQ(out, (std::array<float, 4>{1.0F, -1.0F, 1.0F, -1.0F}));
  spec.type = OutputType::f16;
  const std::array<std::uint16_t, 4> halves = {0x3C00, 0xC000, 0x3555, 0x0001};
  values_of(spec, std::as_bytes(std::span(halves)).data(), 1, out.data());
  EXPECT_EQ(out, (std::array<float, 4>{1.0F, -2.0F, 0.333251953125F, 0x1p-24F}));
}

TEST(ExportOutput, RefusesToReplaceUnlessTold) {
  const Forms forms(OutputType::f32, false);
  const TempFolder& s = forms.scratch;
  write_file(s / "x.jsonl", "mine");
  EXPECT_THROW(export_output(s / "parquet", ExportFormat::jsonl, s / "x.jsonl"), Error);
  EXPECT_EQ(read_file(s / "x.jsonl"), "mine");
  ExportOptions options;
  options.overwrite = true;
  export_output(s / "parquet", ExportFormat::jsonl, s / "x.jsonl", options);
  EXPECT_EQ(read_file(s / "x.jsonl"), read_file(s / "jsonl/embeddings.jsonl"));
  write_file(s / "y.ids.jsonl", "mine");
  EXPECT_THROW(export_output(s / "parquet", ExportFormat::npy, s / "y.npy"), Error);
  EXPECT_FALSE(std::filesystem::exists(s / "y.npy"));
}

TEST(ExportOutput, StreamsToADescriptor) {
  const Forms forms(OutputType::f32, false);
  const TempFolder& s = forms.scratch;
  for (const auto& [format, reference] : {std::pair{ExportFormat::jsonl, "jsonl/embeddings.jsonl"},
                                          std::pair{ExportFormat::npy, "npy/embeddings.npy"}}) {
    const UniqueFd fd(::open((s / "stream").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    export_stream(s / "parquet", format, fd.get(), "stream");
    EXPECT_EQ(read_file(s / "stream"), read_file(s / reference));
  }
  const Forms multi(OutputType::f32, true);
  EXPECT_THROW(export_stream(multi.scratch / "parquet", ExportFormat::npy, 1, "standard output"),
               Error);
}

TEST(Base64, PadsAsTheStandardSays) {
  for (const auto& [text, expected] :
       {std::pair{"", ""}, std::pair{"f", "Zg=="}, std::pair{"fo", "Zm8="},
        std::pair{"foo", "Zm9v"}, std::pair{"foob", "Zm9vYg=="}, std::pair{"fooba", "Zm9vYmE="},
        std::pair{"foobar", "Zm9vYmFy"}, std::pair{"\xFB\xFF", "+/8="}}) {
    std::string out;
    append_base64(out, std::as_bytes(std::span(std::string_view(text))));
    EXPECT_EQ(out, expected);
  }
}

}  // namespace
}  // namespace embedtool
