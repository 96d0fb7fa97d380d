#include "formats/hub/file_choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace embedtool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<HubFile> files_of(const std::vector<std::string>& paths) {
  std::vector<HubFile> files;
  for (const std::string& path : paths) files.push_back({path, path.size(), ""});
  return files;
}

std::vector<std::string> taken(const FileChoice& choice) {
  std::vector<std::string> paths;
  for (const HubFile& file : choice.taken) paths.push_back(file.path);
  return paths;
}

TEST(FileChoice, TakesOneFormOfTheWeights) {
  const FileChoice choice = choose_files(
      files_of({".gitattributes", "1_Pooling/config.json", "README.md", "config.json",
                "config_sentence_transformers.json", "model.safetensors", "modules.json",
                "onnx/model.onnx", "onnx/config.json", "openvino/openvino_model.xml",
                "pytorch_model.bin", "rust_model.ot", "sentence_bert_config.json", "tf_model.h5",
                "tokenizer.json", "tokenizer_config.json", "train_script.py", "vocab.txt"}));
  EXPECT_THAT(taken(choice),
              UnorderedElementsAre("1_Pooling/config.json", "README.md", "config.json",
                                   "config_sentence_transformers.json", "model.safetensors",
                                   "modules.json", "sentence_bert_config.json", "tokenizer.json",
                                   "tokenizer_config.json", "vocab.txt"));
  EXPECT_TRUE(choice.has_weights);
  std::vector<std::string> left;
  for (const LeftFiles& group : choice.left) left.push_back(group.what);
  EXPECT_THAT(left, UnorderedElementsAre("onnx/", "openvino/", "*.bin", "*.ot", "*.h5", "*.py",
                                         ".gitattributes"));
}

// Paths and sizes as the hub lists them for BAAI/bge-small-en-v1.5 at 5c38ec7c.
TEST(FileChoice, BgeSmallIsFetchedOnce) {
  const std::vector<HubFile> files = {{".gitattributes", 1519, ""},
                                      {"1_Pooling/config.json", 190, ""},
                                      {"README.md", 94783, ""},
                                      {"config.json", 743, ""},
                                      {"config_sentence_transformers.json", 124, ""},
                                      {"model.safetensors", 133466304, ""},
                                      {"modules.json", 349, ""},
                                      {"onnx/model.onnx", 133093490, ""},
                                      {"pytorch_model.bin", 133508397, ""},
                                      {"sentence_bert_config.json", 52, ""},
                                      {"special_tokens_map.json", 125, ""},
                                      {"tokenizer.json", 711396, ""},
                                      {"tokenizer_config.json", 366, ""},
                                      {"vocab.txt", 231508, ""}};
  const FileChoice choice = choose_files(files);
  std::uint64_t bytes = 0;
  for (const HubFile& file : choice.taken) bytes += file.bytes;
  EXPECT_EQ(bytes, 134505815U);
  std::vector<std::string> left;
  for (const LeftFiles& group : choice.left) left.push_back(group.what);
  EXPECT_THAT(left, ElementsAre("*.bin", "onnx/", ".gitattributes", "special_tokens_map.json"));
}

TEST(FileChoice, TorchFilesWhereThereIsNothingElse) {
  EXPECT_THAT(
      taken(choose_files(files_of({"config.json", "pytorch_model.bin", "2_Dense/config.json",
                                   "2_Dense/model.safetensors", "2_Dense/pytorch_model.bin",
                                   "3_Dense/pytorch_model.bin"}))),
      ElementsAre("2_Dense/config.json", "2_Dense/model.safetensors", "3_Dense/pytorch_model.bin",
                  "config.json", "pytorch_model.bin"));
  EXPECT_FALSE(choose_files(files_of({"config.json", "tf_model.h5"})).has_weights);
}

TEST(FileChoice, ShardsComeWithTheirIndex) {
  EXPECT_THAT(taken(choose_files(
                  files_of({"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                            "model.safetensors.index.json", "model.fp16.safetensors",
                            "pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json"}))),
              ElementsAre("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                          "model.safetensors.index.json"));
}

TEST(FileChoice, RouterFoldersAndLayersOfTheirOwn) {
  EXPECT_THAT(
      taken(choose_files(
          files_of({"router_config.json", "query_0_SparseStaticEmbedding/config.json",
                    "query_0_SparseStaticEmbedding/model.safetensors",
                    "document_0_MLMTransformer/tokenizer.json", "original/model.safetensors",
                    "checkpoint-500/config.json", "colbert_linear.pt", "sparse_linear.pt",
                    "sparse_linear.safetensors"}))),
      UnorderedElementsAre("router_config.json", "query_0_SparseStaticEmbedding/config.json",
                           "query_0_SparseStaticEmbedding/model.safetensors",
                           "document_0_MLMTransformer/tokenizer.json", "colbert_linear.pt",
                           "sparse_linear.safetensors"));
}

TEST(FileChoice, AGgufFileIsNamedUnlessItIsTheOnlyOne) {
  EXPECT_THAT(taken(choose_files(files_of({"README.md", "a.gguf"}))),
              ElementsAre("README.md", "a.gguf"));
  EXPECT_THAT(taken(choose_files(files_of({"a.gguf", "model.safetensors"}))),
              ElementsAre("model.safetensors"));
  const FileChoice several = choose_files(files_of({"a-F16.gguf", "a-Q8_0.gguf"}));
  EXPECT_THAT(taken(several), IsEmpty());
  EXPECT_THAT(several.ggufs, ElementsAre("a-F16.gguf", "a-Q8_0.gguf"));
  EXPECT_FALSE(several.has_weights);
  const FileChoice named =
      choose_files(files_of({"a-F16.gguf", "a-Q8_0.gguf"}), {{"*Q8_0.gguf"}, {}});
  EXPECT_THAT(taken(named), ElementsAre("a-Q8_0.gguf"));
  EXPECT_TRUE(named.has_weights);
}

TEST(FileChoice, WishesAddAndRemove) {
  const auto files =
      files_of({"config.json", "model.safetensors", "onnx/model.onnx", "pytorch_model.bin"});
  EXPECT_THAT(taken(choose_files(files, {{"onnx/*"}, {}})),
              ElementsAre("config.json", "model.safetensors", "onnx/model.onnx"));
  // Without the safetensors, the torch file is what is left.
  EXPECT_THAT(taken(choose_files(files, {{}, {"*.safetensors"}})),
              ElementsAre("config.json", "pytorch_model.bin"));
}

}  // namespace
}  // namespace embedtool
