// Real model folders, all but their weights.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/loader_cases.hpp"

namespace embedtool {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::error_loading;
using testing::Files;
using ::testing::HasSubstr;
using testing::load;
using testing::safetensors_file;
using testing::seeded_tensor;

// The development data beside the checkout, or "" where it is absent (EMBEDTOOL_SHARED forces).
std::filesystem::path shared_folder() {
  const char* forced = std::getenv("EMBEDTOOL_SHARED");
  const std::filesystem::path path =
      forced != nullptr ? std::filesystem::path(forced)
                        : std::filesystem::path(EMBEDTOOL_SOURCE_DIR) / ".." / "shared";
  return std::filesystem::is_directory(path / "data") ? path / "data" : std::filesystem::path();
}

// The files of a real folder, small ones only: weights are made here.
Files real_files(const std::filesystem::path& folder) {
  Files files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    files[std::filesystem::relative(entry.path(), folder).string()] =
        std::string(std::istreambuf_iterator<char>(in), {});
  }
  return files;
}

class RealFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    shared_ = shared_folder();
    if (shared_.empty()) GTEST_SKIP() << "no development data beside the checkout";
  }
  std::filesystem::path shared_;
};

// The encoder's tensors are not looked at before the encoder is built, so one is enough.
const std::string kSomeWeights = safetensors_file({seeded_tensor("embeddings.x", {1})});

TEST_F(RealFolder, AllMiniLm) {
  Files files = real_files(shared_ / "tokenizers/all-MiniLM-L6-v2");
  files["model.safetensors"] = kSomeWeights;
  const LoadedModel model = load(files);
  EXPECT_EQ(model.spec.layers, 6U);
  EXPECT_EQ(model.spec.hidden, 384U);
  EXPECT_THAT(model.head.pooling, ElementsAre(Pooling::mean));
  EXPECT_TRUE(model.head.normalize);
  EXPECT_EQ(model.max_tokens.value, 256U);
  EXPECT_EQ(model.similarity, "cosine");
  EXPECT_EQ(model.default_prompt_name, std::nullopt);
  ASSERT_NE(model.tokenizer, nullptr);
  EXPECT_EQ(model.tokenizer->vocab_size(), model.spec.vocab_size);
}

TEST_F(RealFolder, GteSmallHasNoLimitInItsTokenizer) {
  Files files = real_files(shared_ / "tokenizers/gte-small");
  files["model.safetensors"] = kSomeWeights;
  const LoadedModel model = load(files);
  EXPECT_EQ(model.max_tokens.value, 512U);
  EXPECT_EQ(model.max_tokens.why, "positions of the model");
  EXPECT_THAT(model.notes, Contains(HasSubstr("max_length 128")));
}

TEST_F(RealFolder, M3eSmallIsNotNormalized) {
  Files files = real_files(shared_ / "tokenizers/m3e-small");
  files["model.safetensors"] = kSomeWeights;
  EXPECT_THAT(error_loading(files), HasSubstr("1_Pooling/config.json: missing"));
  files["1_Pooling/config.json"] = R"({"pooling_mode_mean_tokens": true})";
  const LoadedModel model = load(files);
  EXPECT_EQ(model.spec.vocab_size, 21128U);
  EXPECT_FALSE(model.head.normalize);
}

TEST_F(RealFolder, Model2vecFixtures) {
  const struct {
    const char* name;
    DType type;
    std::size_t vocab, dims;
    bool weighted, mapped;
  } cases[] = {{"float32", DType::f32, 29528, 2, false, false},
               {"float16", DType::f16, 29528, 2, false, false},
               {"int8", DType::i8, 29528, 2, false, false},
               {"vocab-quantized", DType::f32, 29524, 64, true, true}};
  for (const auto& each : cases) {
    Files files = real_files(shared_ / ("weights/model2vec-test-model-" + std::string(each.name)));
    const LoadedModel model = load(files);
    EXPECT_EQ(model.spec.vocab_size, each.vocab) << each.name;
    EXPECT_EQ(model.spec.hidden, each.dims) << each.name;
    EXPECT_EQ(model.weights->find("embeddings")->dtype, each.type) << each.name;
    EXPECT_EQ(!model.spec.names.token_weights.empty(), each.weighted) << each.name;
    EXPECT_EQ(!model.spec.names.token_mapping.empty(), each.mapped) << each.name;
    EXPECT_TRUE(model.head.normalize) << each.name;
    EXPECT_TRUE(model.spec.drops_unknown) << each.name;
  }
}

}  // namespace
}  // namespace embedtool
