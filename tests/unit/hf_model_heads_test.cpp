// Which heads a folder has, and what is refused about them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/model/model_description.hpp"
#include "tests/unit/loader_cases.hpp"

namespace embedtool {
namespace {

using ::testing::AllOf;
using testing::bert_config;
using testing::bert_tensors;
using testing::BertShape;
using testing::error_loading;
using testing::Files;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kNormalize;
using testing::kTransformer;
using testing::load;
using testing::modules_json;
using testing::safetensors_file;
using testing::seeded_tensor;
using testing::sentence_files;
using testing::TestTensor;

const testing::ModuleEntry kSplade{"1_SpladePooling",
                                   "sentence_transformers.sparse_encoder.models.SpladePooling"};

/// BertForMaskedLM without modules.json.
Files masked_language_files() {
  const BertShape shape;
  nlohmann::json config = bert_config(shape);
  config["architectures"] = {"BertForMaskedLM"};
  std::vector<TestTensor> tensors = bert_tensors(shape);
  const std::string head = "cls.predictions.";
  tensors.push_back(seeded_tensor(head + "transform.dense.weight", {12, 12}));
  tensors.push_back(seeded_tensor(head + "transform.dense.bias", {12}));
  tensors.push_back(seeded_tensor(head + "transform.LayerNorm.weight", {12}));
  tensors.push_back(seeded_tensor(head + "transform.LayerNorm.bias", {12}));
  tensors.push_back(seeded_tensor(head + "bias", {shape.vocab}));
  tensors.push_back(seeded_tensor(head + "decoder.weight", {shape.vocab, 12}));
  return {{"config.json", config.dump()}, {"model.safetensors", safetensors_file(tensors)}};
}

Files splade_files() {
  Files files = masked_language_files();
  files["modules.json"] = modules_json({kTransformer, kSplade});
  files["1_SpladePooling/config.json"] =
      R"({"pooling_strategy": "max", "activation_function": "relu"})";
  return files;
}

TEST(ModelHeads, AVectorUnlessTheFolderSaysOtherwise) {
  LoadedModel model = load(masked_language_files());
  EXPECT_EQ(model.head_kind, HeadKind::dense);
  EXPECT_EQ(model.head.sparse.kind, SparseKind::none);
  choose_head(model, HeadKind::dense);
  choose_head(model, HeadKind::sparse);
  EXPECT_EQ(model.head.sparse.kind, SparseKind::vocabulary);
  EXPECT_EQ(model.head.sparse.transform, "cls.predictions.transform.dense");
  // Tied unless config.json says otherwise: the decoder in the file is not looked at.
  EXPECT_EQ(model.head.sparse.decoder, "embeddings.word_embeddings.weight");
  EXPECT_EQ(model.head.sparse.decoder_bias, "cls.predictions.bias");
  choose_head(model, HeadKind::dense);
  EXPECT_EQ(model.head.sparse.kind, SparseKind::none);
}

TEST(ModelHeads, ADecoderOfItsOwn) {
  Files files = masked_language_files();
  auto config = nlohmann::json::parse(files["config.json"]);
  config["tie_word_embeddings"] = false;
  files["config.json"] = config.dump();
  LoadedModel model = load(files);
  choose_head(model, HeadKind::sparse);
  EXPECT_EQ(model.head.sparse.decoder, "cls.predictions.decoder.weight");
}

TEST(ModelHeads, NoneWithoutItsTensorsOrItsName) {
  Files files = masked_language_files();
  auto config = nlohmann::json::parse(files["config.json"]);
  config["architectures"] = {"BertModel"};
  files["config.json"] = config.dump();
  EXPECT_THAT(load(files).more_heads, IsEmpty());
  files = testing::bert_files();
  EXPECT_THAT(load(files).more_heads, IsEmpty());
}

TEST(ModelHeads, SpladePoolingIsTheHead) {
  Files files = splade_files();
  EXPECT_EQ(load(files).head_kind, HeadKind::sparse);
  EXPECT_FALSE(load(files).head.sparse.sums);
  files["1_SpladePooling/config.json"] =
      R"({"pooling_strategy": "sum", "activation_function": "log1p_relu"})";
  const LoadedModel model = load(files);
  EXPECT_TRUE(model.head.sparse.sums);
  EXPECT_TRUE(model.head.sparse.log_twice);
  std::vector<std::string> unused;
  for (const DescriptionLine& line : describe(model).lines) {
    if (line.key == "unused") unused = std::get<std::vector<std::string>>(line.value);
  }
  EXPECT_THAT(unused, ::testing::ElementsAre("cls (1 tensor)"));  // the decoder's copy
}

TEST(ModelHeads, RefusesWhatItDoesNotKnow) {
  Files files = splade_files();
  files["1_SpladePooling/config.json"] = R"({"pooling_strategy": "mean"})";
  EXPECT_THAT(error_loading(files), AllOf(HasSubstr("1_SpladePooling"), HasSubstr("'mean'")));
  files["1_SpladePooling/config.json"] = R"({"activation_function": "gelu"})";
  EXPECT_THAT(error_loading(files), HasSubstr("'gelu'"));
  files = splade_files();
  files["modules.json"] = modules_json({kTransformer, kSplade, kNormalize});
  EXPECT_THAT(error_loading(files), HasSubstr("Normalize"));
  files["modules.json"] =
      modules_json({kTransformer, kSplade, {"2_Dense", "sentence_transformers.models.Dense"}});
  EXPECT_THAT(error_loading(files), HasSubstr("Dense after SpladePooling"));
  files["modules.json"] = modules_json({kTransformer, kSplade, kSplade});
  EXPECT_THAT(error_loading(files), HasSubstr("right after the transformer"));
  files = testing::bert_files();
  files["modules.json"] = modules_json({kTransformer, kSplade});
  EXPECT_THAT(error_loading(files), HasSubstr("masked-language"));
}

TEST(ModelHeads, NamesThoseThatThereAre) {
  LoadedModel model = load(sentence_files());
  try {
    choose_head(model, HeadKind::sparse);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("has only: dense"));
  }
}

/// bge-m3's two layers, as safetensors under the same names.
TEST(ModelHeads, LayersOfTheirOwn) {
  Files files = sentence_files();
  files["sparse_linear.safetensors"] =
      safetensors_file({seeded_tensor("weight", {1, 12}), seeded_tensor("bias", {1})});
  files["colbert_linear.safetensors"] = safetensors_file(
      {seeded_tensor("linear.weight", {7, 12}), seeded_tensor("linear.bias", {7})});
  LoadedModel model = load(files);
  ASSERT_EQ(model.more_heads.size(), 2U);
  choose_head(model, HeadKind::colbert);
  EXPECT_EQ(model.head.dense.at(0).out, 7U);
  EXPECT_EQ(model.head.dense.at(0).name, "linear");
  EXPECT_TRUE(model.head.skips_first);
  choose_head(model, HeadKind::sparse);
  EXPECT_EQ(model.head.sparse.kind, SparseKind::own_token);
  EXPECT_EQ(model.head.sparse.linear.name, "");
  EXPECT_EQ(model.pooling_source, "sparse_linear.safetensors");
  choose_head(model, HeadKind::dense);
  EXPECT_EQ(model.pooling_source, "1_Pooling/config.json");

  files["sparse_linear.safetensors"] = safetensors_file({seeded_tensor("weight", {1, 11})});
  EXPECT_THAT(error_loading(files), HasSubstr("rows of 12 elements"));
  files["sparse_linear.safetensors"] = safetensors_file({seeded_tensor("weight", {2, 12})});
  EXPECT_THAT(error_loading(files), HasSubstr("2 weights per token"));
}

}  // namespace
}  // namespace embedtool
