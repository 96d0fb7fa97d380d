#include "formats/model/model_description.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/loader_cases.hpp"

namespace embedtool {
namespace {

using testing::add_dense;
using testing::Files;
using testing::kPooling;
using testing::kTransformer;
using testing::load;
using testing::model2vec_files;
using testing::modules_json;
using testing::safetensors_file;
using testing::sentence_files;
using testing::tensor_of;

std::string line(const ModelDescription& description, const std::string& key) {
  for (const DescriptionLine& each : description.lines) {
    if (each.key == key) return to_text(each.value) + " | " + each.why;
  }
  return "absent";
}

TEST(DescribeModel, SaysWhatWasUnderstood) {
  Files files = sentence_files();
  files["modules.json"] =
      modules_json({kTransformer, kPooling, {"2_Dense", "sentence_transformers.models.Dense"}});
  add_dense(files, "2_Dense", 12, 5, "torch.nn.modules.activation.Tanh");
  files["config_sentence_transformers.json"] = R"({"prompts": {"query": "q: "}})";
  const LoadedModel model = load(files);
  const ModelDescription description = describe(model);
  EXPECT_EQ(line(description, "family"), "bert | transformer encoder");
  EXPECT_EQ(line(description, "layers"), "2 | ");
  EXPECT_EQ(line(description, "max_tokens"), "32 | positions of the model");
  EXPECT_EQ(line(description, "pooling"), "mean | 1_Pooling/config.json");
  EXPECT_EQ(line(description, "normalize"), "no | modules.json");
  EXPECT_EQ(line(description, "head"), "pooling mean, dense 12 -> 5, tanh | ");
  EXPECT_EQ(line(description, "dimensions"), "5 | ");
  EXPECT_EQ(line(description, "tokenizer"), "none | only records with input_ids can be encoded");
  EXPECT_EQ(line(description, "prompts"), "query: \"q: \" | ");
  EXPECT_EQ(line(description, "notes"), "absent");
  // embeddings 40x12 + 32x12 + 2x12, norm 24; a layer 4x(144+12) + 24 + 260 + 252 + 24; dense 65
  EXPECT_EQ(line(description, "parameters"), "3345 | 39 tensors");
  EXPECT_EQ(line(description, "weights"), "f32 | 13 kB");
}

TEST(DescribeModel, SaysWhatTheEncoderLeavesAlone) {
  const testing::BertShape shape;
  Files files = sentence_files();
  EXPECT_EQ(line(describe(load(files)), "unused"), "absent");
  std::vector<testing::TestTensor> tensors;
  for (testing::TestTensor tensor : testing::bert_tensors(shape)) {
    tensor.name = "bert." + tensor.name;
    tensors.push_back(std::move(tensor));
  }
  tensors.push_back(testing::seeded_tensor("bert.pooler.dense.weight", {12, 12}));
  tensors.push_back(testing::seeded_tensor("bert.pooler.dense.bias", {12}));
  tensors.push_back(testing::seeded_tensor("bert.encoder.layer.2.output.dense.bias", {12}));
  tensors.push_back(testing::seeded_tensor("cls.predictions.bias", {40}));
  tensors.push_back(tensor_of<std::int64_t>("bert.embeddings.position_ids", "I64", {1}, {0}));
  files["model.safetensors"] = safetensors_file(tensors);
  EXPECT_EQ(line(describe(load(files)), "unused"),
            "cls (1 tensor), encoder (1 tensor), pooler (2 tensors) | tensors that no embedding "
            "needs");
}

TEST(DescribeModel, CountsATableAsStored) {
  Files files = model2vec_files();
  files["model.safetensors"] =
      safetensors_file({tensor_of<std::int8_t>("embeddings", "I8", {2, 3}, {1, 2, 3, 4, 5, 6}),
                        tensor_of<float>("weights", "F32", {2}, {1, 2})});
  const ModelDescription description = describe(load(files));
  EXPECT_EQ(line(description, "weights"), "f32, i8 | 14 bytes");
  EXPECT_EQ(line(description, "memory_f32").substr(0, 3), "14 ");
  EXPECT_EQ(line(description, "layers"), "absent");
}

}  // namespace
}  // namespace embedtool
