// GGUF files, good and hostile. The good ones are the seeds of the fuzz target.
#include "formats/weights/gguf.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <sstream>

#include "core/base/error.hpp"
#include "formats/model/gguf_model.hpp"
#include "formats/model/load_model.hpp"
#include "formats/model/model_description.hpp"
#include "formats/tokenizer/gguf_tokenizer.hpp"
#include "formats/tokenizer/tokenizer_files.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/tokenizer_cases.hpp"

namespace embedtool {
namespace {

using testing::encode;
using testing::read_file;
using testing::shared_data;

std::string seed(const char* name) {
  return read_file(std::filesystem::path(EMBEDTOOL_SOURCE_DIR) / "tests/fuzz/seeds/gguf" / name);
}

std::span<const std::byte> bytes_of(const std::string& file) {
  return std::as_bytes(std::span(file));
}

std::string fault_of(const std::string& file) {
  try {
    const GgufFile parsed(bytes_of(file), "model.gguf");
    read_gguf_model(parsed, "model.gguf");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::model);
    return error.what();
  }
  return "";
}

/// `file` with the first `from` replaced by `to`, of equal length.
std::string replaced(std::string file, const std::string& from, const std::string& to) {
  EXPECT_EQ(from.size(), to.size());
  const std::size_t at = file.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return file.replace(at, from.size(), to);
}

TEST(Gguf, ReadsKeysAndTensors) {
  const std::string file = seed("bert");
  const GgufFile parsed(bytes_of(file), "model.gguf");
  EXPECT_EQ(parsed.text("general.architecture"), "bert");
  EXPECT_EQ(parsed.integer("bert.block_count"), 1);
  EXPECT_FLOAT_EQ(static_cast<float>(*parsed.number("bert.attention.layer_norm_epsilon")), 1e-12F);
  EXPECT_EQ(parsed.number("bert.block_count"), 1.0);
  EXPECT_EQ(parsed.texts("tokenizer.ggml.tokens").at(2), "[CLS]");
  EXPECT_EQ(parsed.integers("tokenizer.ggml.token_type").size(), 8U);
  EXPECT_FALSE(parsed.integer("no.such.key").has_value());
  EXPECT_THROW(parsed.integer("general.architecture"), Error);
  EXPECT_THROW(parsed.texts("bert.block_count"), Error);
  const TensorView* tensor = parsed.find("blk.0.ffn_up.weight");
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->dtype, DType::f16);
  EXPECT_EQ(tensor->shape, (std::vector<std::int64_t>{4, 4}));
  EXPECT_EQ(parsed.find("blk.1.ffn_up.weight"), nullptr);
}

TEST(Gguf, EveryCutIsAnErrorAndNothingElse) {
  const std::string file = seed("bert");
  for (std::size_t size = 0; size < file.size(); ++size) {
    // Padding behind the last tensor may be missing.
    const std::string fault = fault_of(file.substr(0, size));
    EXPECT_TRUE(!fault.empty() || size + 32 > file.size()) << size;
  }
  EXPECT_EQ(fault_of(file), "");
}

TEST(Gguf, RefusesSizesBeyondTheFile) {
  std::string file = seed("bert");
  for (const std::size_t at : {8U, 16U, 24U}) {  // tensors, keys, the first key's length
    for (const std::uint64_t value : {~std::uint64_t{0}, std::uint64_t{1} << 40U}) {
      std::string hostile = file;
      std::memcpy(hostile.data() + at, &value, sizeof value);
      EXPECT_FALSE(fault_of(hostile).empty()) << at;
    }
  }
}

TEST(Gguf, NamesWhatItDoesNotRead) {
  const std::string file = seed("bert");
  EXPECT_NE(fault_of(replaced(file, "bert", "btrt")).find("architecture 'btrt'"),
            std::string::npos);
  EXPECT_NE(fault_of(replaced(file, "GGUF", "GGML")).find("not a GGUF file"), std::string::npos);
  const std::string type = replaced(file, std::string("token_embd.weight\2\0\0\0", 21),
                                    std::string("token_embd.weight\7\0\0\0", 21));
  EXPECT_NE(fault_of(type).find("has 7 dimensions"), std::string::npos);
  std::string quantized = file;
  const std::size_t name = quantized.find("blk.0.ffn_up.weight");
  quantized[name + 19 + 4 + 16] = 10;  // rank and two extents stand before the type
  const GgufFile parsed(bytes_of(quantized), "model.gguf");
  try {
    parsed.find("blk.0.ffn_up.weight");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("Q2_K"), std::string::npos) << error.what();
  }
}

TEST(Gguf, InfoSaysWhatWasUnderstood) {
  const auto folder = std::filesystem::path(EMBEDTOOL_SOURCE_DIR) / "tests/fuzz/seeds/gguf";
  const testing::TempFolder scratch;
  const std::string copy = scratch / "embedtool-info.gguf";
  std::filesystem::copy_file(folder / "bert_q8", copy);
  const LoadedModel model = load_model(copy);
  EXPECT_EQ(model.name, "embedtool-info");
  EXPECT_EQ(model.head.pooling, std::vector{Pooling::cls});
  EXPECT_EQ(model.pooling_source, "bert.pooling_type");
  EXPECT_EQ(model.max_tokens.value, 6U);
  EXPECT_EQ(encode(*model.tokenizer, "AB \u65e5").ids, (std::vector<TokenId>{2, 5, 6, 7, 3}));
  std::string weights;
  for (const auto& line : describe(model).lines) {
    if (line.key == "weights") weights = to_text(line.value);
  }
  EXPECT_EQ(weights, "f32, q8_0");
}

TEST(GgufTokenizer, RefusesKeysThatDoNotFit) {
  const std::string good = seed("unigram");
  const std::string lists = replaced(good, "tokenizer.ggml.scores", "tokenizer.ggml.storey");
  const GgufFile without(bytes_of(lists), "model.gguf");
  EXPECT_THROW(read_gguf_tokenizer(without, "model.gguf"), Error);
  const std::string kind = replaced(seed("byte_pairs"), "qwen2", "qwenX");
  const GgufFile unknown(bytes_of(kind), "model.gguf");
  EXPECT_THROW(read_gguf_tokenizer(unknown, "model.gguf"), Error);
}

/// Texts and ids that llama.cpp keeps beside its vocabularies, made by the original tokenizers.
void compare_with_llama_cpp(const std::string& stem) {
  const auto data = shared_data();
  const auto folder = data / "tokenizers/llama.cpp";
  if (data.empty() || !std::filesystem::exists(folder / stem)) GTEST_SKIP() << "no shared data";
  const auto tokenizer = load_tokenizer_from_path((folder / stem).string());
  const std::string texts = read_file(folder / (stem + ".inp"));
  std::istringstream expected(read_file(folder / (stem + ".out")));
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::size_t count = 0;
  for (std::size_t begin = 0; begin < texts.size(); ++count) {
    const std::size_t end = texts.find(separator, begin);
    const std::string text = texts.substr(begin, end - begin);
    std::string line;
    if (!std::getline(expected, line)) break;
    std::istringstream numbers(line);
    std::vector<TokenId> want;
    for (TokenId id = 0; numbers >> id;) want.push_back(id);
    EXPECT_EQ(encode(*tokenizer, text, {0, false}).ids, want) << text;
    begin = end == std::string::npos ? texts.size() : end + separator.size();
  }
  EXPECT_GT(count, 40U);
}

TEST(GgufTokenizer, EqualsTheOriginalOfBert) {
  compare_with_llama_cpp("ggml-vocab-bert-bge.gguf");
}
TEST(GgufTokenizer, EqualsTheOriginalOfLlama) {
  compare_with_llama_cpp("ggml-vocab-llama-spm.gguf");
}
TEST(GgufTokenizer, EqualsTheOriginalOfGpt2) {
  compare_with_llama_cpp("ggml-vocab-gpt-2.gguf");
}

}  // namespace
}  // namespace embedtool
