#include "formats/weights/safetensors.hpp"
#include "formats/weights/weights_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.hpp"
#include "tests/support/model_folder.hpp"

namespace embedtool {
namespace {

using testing::as_bytes;
using ::testing::ElementsAre;
using testing::Files;
using ::testing::HasSubstr;
using testing::safetensors_file;
using testing::safetensors_raw;
using testing::tensor_of;

SafetensorsWeights read(const std::string& file) {
  SafetensorsWeights weights("test");
  weights.add_file(as_bytes(file), "x.safetensors");
  return weights;
}

// The message of the error that `action` ends with; "" when it does not.
template <typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::model);
    return error.what();
  }
  return "";
}

std::string error_reading(const std::string& file) {
  return error_of([&] { read(file); });
}

TEST(Safetensors, ReadsEveryKnownType) {
  const std::string file = safetensors_file({
      tensor_of<float>("f32", "F32", {2, 2}, {1, 2, 3, 4}),
      tensor_of<std::uint16_t>("f16", "F16", {3}, {0x3c00, 0, 0x4000}),
      tensor_of<std::uint16_t>("bf16", "BF16", {1}, {0x3f80}),
      tensor_of<std::int8_t>("i8", "I8", {1, 3}, {-1, 0, 1}),
      tensor_of<std::uint8_t>("u8", "U8", {1}, {255}),
      tensor_of<std::int32_t>("i32", "I32", {1}, {-7}),
      tensor_of<std::int64_t>("i64", "I64", {1}, {1LL << 40}),
      tensor_of<double>("f64", "F64", {2}, {0.5, 0.25}),
      tensor_of<std::uint8_t>("bool", "BOOL", {2}, {0, 1}),
      tensor_of<std::uint8_t>("f8_e4m3", "F8_E4M3", {2}, {0x38, 0x7f}),
      tensor_of<std::uint8_t>("f8_e5m2", "F8_E5M2", {1}, {0x3c}),
  });
  const SafetensorsWeights weights = read(file);
  EXPECT_EQ(weights.names().size(), 11U);
  for (const DType type :
       {DType::f32, DType::f16, DType::bf16, DType::i8, DType::u8, DType::i32, DType::i64,
        DType::f64, DType::boolean, DType::f8_e4m3, DType::f8_e5m2}) {
    const TensorView* tensor = weights.find(name_of(type));
    ASSERT_NE(tensor, nullptr) << name_of(type);
    EXPECT_EQ(tensor->dtype, type);
    EXPECT_EQ(tensor->bytes.size(), static_cast<std::size_t>(tensor->elements()) * size_of(type));
  }
  const TensorView& f32 = *weights.find("f32");
  EXPECT_THAT(f32.shape, ElementsAre(2, 2));
  float last = 0;
  std::memcpy(&last, f32.bytes.data() + 12, 4);
  EXPECT_EQ(last, 4.0F);
  EXPECT_EQ(weights.find("absent"), nullptr);
}

TEST(Safetensors, ViewsPointIntoTheFile) {
  const std::string file = safetensors_file({tensor_of<float>("a", "F32", {2}, {1, 2})});
  const SafetensorsWeights weights = read(file);
  EXPECT_EQ(weights.find("a")->bytes.data() + 8, as_bytes(file).data() + file.size());
}

TEST(Safetensors, AcceptsScalarsEmptyTensorsPaddingAndNoTensors) {
  const std::string scalar = R"({"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                             R"("e":{"dtype":"F32","shape":[0,7],"data_offsets":[4,4]}}    )";
  const std::string file = safetensors_raw(scalar, "abcd");
  const SafetensorsWeights weights = read(file);
  EXPECT_EQ(weights.find("s")->elements(), 1);
  EXPECT_EQ(weights.find("e")->elements(), 0);
  EXPECT_TRUE(read(safetensors_raw("{}", "")).names().empty());
}

TEST(Safetensors, UnknownTypeFailsOnlyWhenAskedFor) {
  const std::string file = safetensors_file(
      {tensor_of<float>("good", "F32", {1}, {1}), {"odd", "F8_E8M0", {3}, std::string(3, 'x')}});
  const SafetensorsWeights weights = read(file);
  EXPECT_NE(weights.find("good"), nullptr);
  EXPECT_THAT(error_of([&] { weights.find("odd"); }),
              AllOf(HasSubstr("'odd'"), HasSubstr("F8_E8M0"), HasSubstr("x.safetensors")));
}

// Each malformed file and what its message must say, so that no check hides behind another.
struct Malformed {
  const char* what;
  std::string file;
  const char* message;
};

std::string one(const std::string& members, const std::string& data = "abcd") {
  return safetensors_raw("{\"t\":{" + members + "}}", data);
}

std::string with_length(std::uint64_t length, const std::string& rest) {
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out + rest;
}

std::vector<Malformed> malformed_headers() {
  return {
      {"empty", "", "too few"},
      {"seven bytes", "1234567", "too few"},
      {"huge header", with_length(~0ULL, "{}"), "not a safetensors file"},
      {"header over the cap", with_length((16ULL << 20) + 1, "{}"), "not a safetensors file"},
      {"cut header", with_length(100, "{}"), "truncated inside the header"},
      {"length zero", with_length(0, "{}"), "does not start with '{'"},
      {"array", safetensors_raw("[]", ""), "does not start with '{'"},
      {"space first", safetensors_raw(" {}", ""), "does not start with '{'"},
      {"no JSON", safetensors_raw("{\"t\":", ""), "not valid JSON at byte"},
      {"bytes after JSON", safetensors_raw("{}x", ""), "not valid JSON at byte"},
      {"deep", safetensors_raw("{\"t\":" + std::string(1000, '['), ""), "nested deeper"},
      {"entry is a number", safetensors_raw("{\"t\":1}", ""), "no 'dtype'"},
  };
}

std::vector<Malformed> malformed_entries() {
  const std::string f32 = R"("dtype":"F32","shape":[1],"data_offsets":[0,4])";
  return {
      {"no dtype", one(R"("shape":[1],"data_offsets":[0,4])"), "no 'dtype'"},
      {"dtype number", one(R"("dtype":1,"shape":[1],"data_offsets":[0,4])"), "no 'dtype'"},
      {"no shape", one(R"("dtype":"F32","data_offsets":[0,4])"), "'shape' should be"},
      {"negative shape", one(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"),
       "'shape' should be"},
      {"fraction in shape", one(R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])"),
       "'shape' should be"},
      {"too many dimensions",
       one(R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,4])"),
       "17 dimensions"},
      {"no offsets", one(R"("dtype":"F32","shape":[1])"), "'data_offsets' should be"},
      {"three offsets", one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4,8])"),
       "'data_offsets' should be"},
      {"backward", one(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"),
       "'data_offsets' should be"},
      {"past the end", one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])"), "truncated"},
      {"far past the end",
       one(R"("dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615])"), "truncated"},
      {"hole at the start", one(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])", "abcdefgh"),
       "leaving a gap"},
      {"bytes left over", one(f32, "abcdefgh"), "4 bytes after the last tensor"},
      {"size too small", one(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])"), "do not fit"},
      {"size too large", one(R"("dtype":"F16","shape":[1],"data_offsets":[0,4])"), "do not fit"},
      // 2^32 x 2^32 x 4 bytes are 0 modulo 2^64
      {"overflow", one(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])", ""),
       "do not fit"},
      {"overflow beside zero",
       one(R"("dtype":"I8","shape":[0,18446744073709551615],"data_offsets":[0,0])", ""),
       "do not fit"},
      {"overlap",
       safetensors_raw(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                       R"("b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
                       "abcdef"),
       "inside the previous one"},
      {"same bytes twice",
       safetensors_raw(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                       R"("b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                       "abcd"),
       "inside the previous one"},
      {"name twice",
       safetensors_raw(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                       R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                       "abcdefgh"),
       "'a' appears twice"},
      {"member twice", one(R"("dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4])"),
       "'dtype' appears twice"},
  };
}

TEST(Safetensors, RefusesMalformedFiles) {
  std::vector<Malformed> files = malformed_headers();
  for (Malformed& bad : malformed_entries()) files.push_back(std::move(bad));
  for (const Malformed& bad : files) {
    const std::string message = error_reading(bad.file);
    EXPECT_THAT(message, HasSubstr(bad.message)) << bad.what;
    EXPECT_THAT(message, HasSubstr("x.safetensors")) << bad.what;
  }
}

// Cutting a good file anywhere must give an error, never a read beyond its end.
TEST(Safetensors, RefusesEveryTruncation) {
  const std::string file = safetensors_file({tensor_of<float>("a", "F32", {3}, {1, 2, 3})});
  for (std::size_t size = 0; size < file.size(); ++size) {
    // A buffer of its own, so that the address sanitizer sees the end.
    const std::vector<char> cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(error_of([&] { read(std::string(cut.begin(), cut.end())); }), "") << size;
  }
}

std::string index_json(const std::map<std::string, std::string>& weight_map) {
  return nlohmann::json{{"metadata", {{"total_size", 8}}}, {"weight_map", weight_map}}.dump();
}

Files sharded() {
  return {
      {"model-00001-of-00002.safetensors",
       safetensors_file({tensor_of<float>("a", "F32", {1}, {1})})},
      {"model-00002-of-00002.safetensors",
       safetensors_file({tensor_of<float>("b", "F32", {1}, {2})})},
      {"model.safetensors.index.json", index_json({{"a", "model-00001-of-00002.safetensors"},
                                                   {"b", "model-00002-of-00002.safetensors"}})}};
}

std::string error_opening(const Files& files) {
  return error_of([&] { open_weights(*testing::in_memory(files), ""); });
}

TEST(WeightFolder, ReadsShards) {
  const auto files = testing::in_memory(sharded());
  const auto weights = open_weights(*files, "");
  ASSERT_NE(weights->find("a"), nullptr);
  ASSERT_NE(weights->find("b"), nullptr);
}

TEST(WeightFolder, ReadsBelowAFolder) {
  const auto files =
      testing::in_memory({{"0_Transformer/model.safetensors",
                           safetensors_file({tensor_of<float>("a", "F32", {1}, {1})})}});
  EXPECT_NE(open_weights(*files, "0_Transformer/")->find("a"), nullptr);
}

TEST(WeightFolder, RefusesBadIndexes) {
  const std::string shard = "model-00001-of-00002.safetensors";
  const struct {
    const char* what;
    std::string index;
    const char* message;
  } cases[] = {
      {"no map", "{}", "no 'weight_map'"},
      {"an array", "[]", "no 'weight_map'"},
      {"map is a list", R"({"weight_map":[]})", "no 'weight_map'"},
      {"empty", R"({"weight_map":{}})", "0 shards"},
      {"number", R"({"weight_map":{"a":1}})", "'a' should name a file"},
      {"escape", index_json({{"a", "../secret.safetensors"}}),
       "is not the name of a .safetensors file"},
      {"absolute", index_json({{"a", "/etc/x.safetensors"}}),
       "is not the name of a .safetensors file"},
      {"other file", index_json({{"a", "config.json"}}), "is not the name of a .safetensors file"},
      {"absent shard", index_json({{"a", "model-3.safetensors"}}), "which is missing"},
      {"absent tensor", index_json({{"a", shard}, {"z", shard}}), "tensor 'z' is not in"},
  };
  for (const auto& bad : cases) {
    Files files = sharded();
    files["model.safetensors.index.json"] = bad.index;
    EXPECT_THAT(error_opening(files), HasSubstr(bad.message)) << bad.what;
  }
}

TEST(WeightFolder, RefusesATensorInTwoShards) {
  Files files = sharded();
  files["model-00002-of-00002.safetensors"] = safetensors_file(
      {tensor_of<float>("a", "F32", {1}, {1}), tensor_of<float>("b", "F32", {1}, {2})});
  EXPECT_THAT(error_opening(files), HasSubstr("'a' is also in"));
}

TEST(WeightFolder, AdvisesOnOtherFormats) {
  EXPECT_THAT(error_opening({{"pytorch_model.bin", "x"}}),
              AllOf(HasSubstr("pytorch_model.bin"), HasSubstr("torch.save()")));
  EXPECT_THAT(error_opening({{"tf_model.h5", "x"}}), HasSubstr("from_tf=True"));
  EXPECT_THAT(error_opening({{"onnx/model.onnx", "x"}}), HasSubstr("ONNX"));
  EXPECT_THAT(error_opening({}), HasSubstr("is the download complete?"));
}

}  // namespace
}  // namespace embedtool
