#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/loader_cases.hpp"

namespace embedtool {
namespace {

using ::testing::ElementsAre;
using testing::error_loading;
using testing::Files;
using ::testing::HasSubstr;
using testing::kNormalize;
using testing::load;
using testing::model2vec_files;
using testing::modules_json;
using testing::safetensors_file;
using testing::seeded_tensor;
using testing::tensor_of;

TEST(LoadStaticModel, ReadsModel2vec) {
  const LoadedModel model = load(model2vec_files());
  EXPECT_EQ(model.spec.layers, 0U);
  EXPECT_EQ(model.spec.hidden, 3U);
  EXPECT_EQ(model.spec.vocab_size, 5U);
  EXPECT_TRUE(model.spec.drops_unknown);
  EXPECT_EQ(model.spec.names.word_embeddings, "embeddings");
  EXPECT_EQ(model.spec.names.token_weights, "");
  EXPECT_TRUE(model.head.normalize);
  EXPECT_THAT(model.head.pooling, ElementsAre(Pooling::mean));
  EXPECT_EQ(model.max_tokens.value, 512U);
}

TEST(LoadStaticModel, HonoursModel2vecSettings) {
  Files files = model2vec_files();
  files["config.json"] = R"({"model_type": "model2vec", "normalize": false, "seq_length": 77})";
  const LoadedModel model = load(files);
  EXPECT_FALSE(model.head.normalize);
  EXPECT_EQ(model.max_tokens.value, 77U);
}

TEST(LoadStaticModel, ReadsAQuantizedVocabulary) {
  Files files = model2vec_files();
  files["model.safetensors"] =
      safetensors_file({tensor_of<std::int8_t>("embeddings", "I8", {2, 3}, {1, 2, 3, 4, 5, 6}),
                        tensor_of<double>("weights", "F64", {4}, {1, 1, 2, 2}),
                        tensor_of<std::int32_t>("mapping", "I32", {4}, {0, 1, 1, 0})});
  const LoadedModel model = load(files);
  EXPECT_EQ(model.spec.vocab_size, 4U);
  EXPECT_EQ(model.spec.hidden, 3U);
  EXPECT_EQ(model.spec.names.token_weights, "weights");
  EXPECT_EQ(model.spec.names.token_mapping, "mapping");
}

TEST(LoadStaticModel, ReadsAStaticEmbeddingModule) {
  Files files{
      {"modules.json",
       modules_json({{"0_StaticEmbedding", "sentence_transformers.models.StaticEmbedding"}})},
      {"0_StaticEmbedding/model.safetensors",
       safetensors_file({seeded_tensor("embedding.weight", {6, 4})})}};
  const LoadedModel model = load(files);
  EXPECT_EQ(model.spec.names.word_embeddings, "embedding.weight");
  EXPECT_FALSE(model.spec.drops_unknown);
  EXPECT_FALSE(model.head.normalize);
  EXPECT_EQ(model.max_tokens.value, 0U);
  files["modules.json"] = modules_json(
      {{"0_StaticEmbedding", "sentence_transformers.models.StaticEmbedding"}, kNormalize});
  EXPECT_TRUE(load(files).head.normalize);
}

TEST(LoadStaticModel, RefusesTensorsThatDoNotFit) {
  const auto weights = [](const std::vector<testing::TestTensor>& tensors) {
    Files files = model2vec_files();
    files["model.safetensors"] = safetensors_file(tensors);
    return error_loading(files);
  };
  const testing::TestTensor table = seeded_tensor("embeddings", {2, 3});
  EXPECT_THAT(weights({seeded_tensor("other", {2, 3})}), HasSubstr("no tensor 'embeddings'"));
  EXPECT_THAT(weights({seeded_tensor("embeddings", {6})}), HasSubstr("a table"));
  EXPECT_THAT(weights({seeded_tensor("embeddings", {0, 3})}), HasSubstr("a table"));
  EXPECT_THAT(weights({table, seeded_tensor("weights", {3})}), HasSubstr("'weights'"));
  EXPECT_THAT(weights({table, seeded_tensor("mapping", {3})}), HasSubstr("'mapping'"));
  EXPECT_THAT(weights({table, tensor_of<std::int32_t>("mapping", "I32", {3}, {0, 2, 1})}),
              HasSubstr("token 1 to row 2 of 2"));
  EXPECT_THAT(weights({table, tensor_of<std::int64_t>("mapping", "I64", {3}, {0, 1, -1})}),
              HasSubstr("token 2 to row -1 of 2"));
}

}  // namespace
}  // namespace embedtool
