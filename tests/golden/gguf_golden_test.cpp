// Golden models as GGUF files, written by tests/golden/makers/make_gguf.py: the vectors of the
// original in the types that keep the weights as they are, and those of the rounded weights in the
// others.
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/math/gemm_backends.hpp"
#include "formats/model/load_model.hpp"
#include "formats/tokenizer/tokenizer_files.hpp"
#include "tests/golden/golden_checks.hpp"
#include "tests/support/temp_folder.hpp"

namespace embedtool {
namespace {

namespace fs = std::filesystem;

bool has_numpy() {
  return std::system(EMBEDTOOL_PYTHON " -c 'import numpy' >/dev/null 2>&1") == 0;
}

/// Runs make_gguf.py FOLDER OUT --type TYPE [more].
void convert(const fs::path& folder, const fs::path& out, const std::string& type,
             const std::string& more = "") {
  const std::string command = EMBEDTOOL_PYTHON " '" EMBEDTOOL_SOURCE_DIR
                                               "/tests/golden/makers/make_gguf.py' '" +
                              folder.string() + "' '" + out.string() + "' --type " + type + more;
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

std::vector<float> vectors_of(const LoadedModel& model, const std::vector<golden::Item>& items) {
  const GemmBackend& backend = select_gemm("", Compute::f32);
  return golden::encode_all(Encoder(model.spec, model.head, *model.weights, backend), items);
}

void expect_token_ids(const LoadedModel& model, const golden::Case& c) {
  if (model.tokenizer == nullptr || model.tokenizer->vocab_size() == 0) return;
  const auto scratch = model.tokenizer->make_scratch();
  for (const golden::Item& item : c.items) {
    if (!item.text) continue;
    std::vector<TokenId> ids;
    model.tokenizer->encode(*item.text, {}, *scratch, ids);
    EXPECT_EQ(ids, item.ids) << *item.text;
  }
}

struct Conversion {
  const char* name;
  const char* type;  ///< holds this model's weights exactly
};

class GgufModels : public ::testing::TestWithParam<Conversion> {};

TEST_P(GgufModels, AgreeWithTheOriginal) {
  if (!has_numpy()) GTEST_SKIP() << "python3 with numpy is not installed";
  const testing::TempFolder scratch;
  const golden::Case c = golden::load_case(GetParam().name);
  const fs::path file = scratch / (c.name + "-" + GetParam().type + ".gguf");
  ASSERT_NO_FATAL_FAILURE(convert(c.model(), file, GetParam().type));
  const LoadedModel model = load_model(file.string());
  EXPECT_EQ(model.pooling_source.substr(model.pooling_source.find('.')), ".pooling_type");
  expect_token_ids(model, c);
  const std::vector<float> vectors = vectors_of(model, c.items);
  const std::size_t dims = vectors.size() / c.items.size();
  for (std::size_t i = 0; i < c.items.size(); ++i) {
    golden::expect_near({vectors.data() + i * dims, dims}, c.items[i].normalized,
                        "item " + std::to_string(i));
  }
  fs::remove(file);
}

INSTANTIATE_TEST_SUITE_P(
    Golden, GgufModels,
    ::testing::Values(Conversion{"bert", "f32"}, Conversion{"bert_f16", "f16"},
                      Conversion{"bert_bf16_prefix", "bf16"},
                      Conversion{"bert_sharded_gamma_beta", "f32"}, Conversion{"roberta", "f32"},
                      Conversion{"xlm_roberta", "f32"}, Conversion{"roberta_pad5", "f32"},
                      Conversion{"nomic", "f16"}, Conversion{"jina", "f16"},
                      Conversion{"jina_code", "f16"}, Conversion{"modernbert", "f16"},
                      Conversion{"qwen2", "f16"}, Conversion{"qwen3", "f16"},
                      Conversion{"gemma3_text", "f16"}, Conversion{"t5", "f16"},
                      Conversion{"t5_gated", "f16"}),
    [](const auto& info) { return std::string(info.param.name) + "_" + info.param.type; });

/// A sentencepiece model that joins pairs: the ids that its library gives for the model itself,
/// between those of beginning and end.
TEST(GgufTokenizers, ScoredPairsAsSentencepieceJoinsThem) {
  if (!has_numpy()) GTEST_SKIP() << "python3 with numpy is not installed";
  const testing::TempFolder scratch;
  const fs::path data = fs::path(EMBEDTOOL_SOURCE_DIR) / "tests/unit/data/tiny_bpe.model";
  const fs::path folder = scratch / "scored";
  fs::create_directories(folder);
  for (const char* name : {"config.json", "model.safetensors"}) {
    fs::copy_file(golden::load_case("gemma3_text").model() / name, folder / name,
                  fs::copy_options::overwrite_existing);
  }
  fs::copy_file(data, folder / "tokenizer.model", fs::copy_options::overwrite_existing);
  const fs::path file = scratch / "scored.gguf";
  ASSERT_NO_FATAL_FAILURE(convert(folder, file, "f16"));
  const LoadedModel model = load_model(file.string());
  const auto original = load_tokenizer_from_path(data.string());
  ASSERT_NE(model.tokenizer, nullptr);
  EXPECT_EQ(model.tokenizer->kind(), "sentencepiece bpe");
  const auto ours = model.tokenizer->make_scratch();
  const auto theirs = original->make_scratch();
  for (const std::string text :
       {"", "the baker", "inherit the other", "Qx \u00e9 \U0001f600", "a\nb\tc", "thethethe er"}) {
    std::vector<TokenId> got;
    std::vector<TokenId> want{1};
    model.tokenizer->encode(text, {}, *ours, got);
    original->encode(text, {0, false}, *theirs, want);
    want.push_back(2);
    EXPECT_EQ(got, want) << text;
  }
}

/// Weights rounded to a type that does not hold them exactly: the same model in f32, whose weights
/// are what the file holds, gives the same bits.
TEST(GgufRounded, GivesTheVectorsOfItsOwnWeights) {
  if (!has_numpy()) GTEST_SKIP() << "python3 with numpy is not installed";
  const testing::TempFolder scratch;
  const fs::path parent = scratch / "parent";
  fs::create_directories(parent);
  golden::Case c{"rounded", {}, {}, {}};
  c.spec = {"--layers",        "2",  "--hidden",    "64",        "--heads", "4",   "--ffn",  "96",
            "--max-positions", "40", "--tokenizer", "wordpiece", "--vocab", "120", "--seed", "5"};
  const auto folder = golden::make_folder(c, parent);
  ASSERT_TRUE(folder.has_value());
  const std::vector<golden::Item> items = golden::load_case("bert").items;
  std::vector<golden::Item> fitting;
  for (const golden::Item& item : items) {
    if (item.ids.size() <= 40) fitting.push_back(item);
  }
  for (const std::string type : {"q8_0", "q5_0", "q4_0", "bf16", "f16"}) {
    const fs::path file = parent / ("rounded-" + type + ".gguf");
    const fs::path rounded = parent / ("rounded-" + type);
    ASSERT_NO_FATAL_FAILURE(convert(*folder, file, type, " --rounded '" + rounded.string() + "'"));
    EXPECT_EQ(vectors_of(load_model(file.string()), fitting),
              vectors_of(load_model(rounded.string()), fitting))
        << type;
    fs::remove(file);
    fs::remove_all(rounded);
  }
  fs::remove_all(*folder);
}

/// llama.cpp's converter turns the second matrices of the experts and drops what is added to all of
/// them: without it, the folder gives the same bits.
TEST(GgufExperts, GiveTheVectorsOfTheirFolder) {
  if (!has_numpy()) GTEST_SKIP() << "python3 with numpy is not installed";
  const testing::TempFolder scratch;
  const golden::Case c = golden::load_case("nomic_experts");
  const std::string without_bias = " --rounded '" + scratch / "folder" + "'";
  ASSERT_NO_FATAL_FAILURE(convert(c.model(), scratch / "experts.gguf", "f16", without_bias));
  const LoadedModel file = load_model(scratch / "experts.gguf");
  EXPECT_EQ(file.spec.experts.count, 5U);
  EXPECT_EQ(file.spec.experts.layers, (std::vector<std::uint8_t>{0, 1, 0}));
  EXPECT_EQ(vectors_of(file, c.items), vectors_of(load_model(scratch / "folder"), c.items));
}

}  // namespace
}  // namespace embedtool
