// The model2vec folders of the development data, against vectors made with the Python library
// model2vec: "hello world", and "hello" a thousand times (cut after 512 tokens there too).
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/math/gemm_backends.hpp"
#include "core/model/encoder.hpp"
#include "formats/model/load_model.hpp"
#include "tests/golden/golden_case.hpp"
#include "tests/support/encode_vectors.hpp"
#include "tests/support/model_folder.hpp"

namespace embedtool {
namespace {

using testing::Files;
using testing::read_file;

std::filesystem::path weights_folder() {
  const char* forced = std::getenv("EMBEDTOOL_SHARED");
  const std::filesystem::path shared =
      forced != nullptr ? std::filesystem::path(forced)
                        : std::filesystem::path(EMBEDTOOL_SOURCE_DIR) / ".." / "shared";
  return shared / "data" / "weights";
}

// f32, f16 and int8 share one tokenizer.json, which lies with the first.
LoadedModel load_fixture(const std::string& type) {
  const std::filesystem::path root = weights_folder();
  const std::filesystem::path folder = root / ("model2vec-test-model-" + type);
  Files files;
  for (const char* name : {"config.json", "model.safetensors"}) {
    files[name] = read_file(folder / name);
  }
  files["tokenizer.json"] = read_file(root / "model2vec-test-model-float32" / "tokenizer.json");
  return load_model(testing::in_memory(files), type);
}

std::vector<double> expected(const char* name) {
  const std::string text = read_file(weights_folder() / "model2vec-expected" / name);
  return nlohmann::json::parse(text).at(0).get<std::vector<double>>();
}

std::vector<float> encode_text(const LoadedModel& model, const HeadSpec& head,
                               const std::string& text) {
  std::vector<TokenId> ids;
  const auto scratch = model.tokenizer->make_scratch();
  model.tokenizer->encode(text, {.max_tokens = model.max_tokens.value}, *scratch, ids);
  const Encoder encoder(model.spec, head, *model.weights, *gemm_backends().back());
  return testing::encode_vectors(encoder, ids);
}

double length(const std::vector<float>& v) {
  double square = 0;
  for (const float x : v) square += static_cast<double>(x) * x;
  return std::sqrt(square);
}

// How far rounding of the stored rows may turn a unit vector: the mean's error is at most the
// rows', `step` / 2 in each of `n` elements, and normalizing at most doubles it relative to the
// mean's length. `step` is 0 for f32, which leaves the arithmetic alone.
double tolerance(double step, const std::vector<float>& mean) {
  const double n = static_cast<double>(mean.size());
  return 1e-6 + 2 * std::sqrt(n) * step / 2 / length(mean);
}

class Model2vec : public ::testing::TestWithParam<std::pair<const char*, double>> {
 protected:
  void SetUp() override {
    if (!std::filesystem::is_directory(weights_folder())) {
      GTEST_SKIP() << "no development data beside the checkout";
    }
  }
};

TEST_P(Model2vec, AgreesWithThePythonLibrary) {
  const auto& [type, step] = GetParam();
  const LoadedModel model = load_fixture(type);
  ASSERT_TRUE(model.head.normalize);
  HeadSpec unnormalized = model.head;
  unnormalized.normalize = false;
  std::string long_text = "hello";
  for (int i = 1; i < 1000; ++i) long_text += " hello";
  for (const auto& [text, file] : {std::pair{std::string("hello world"), "embeddings_short.json"},
                                   std::pair{long_text, "embeddings_long.json"}}) {
    const auto ours = encode_text(model, model.head, text);
    const double bound = tolerance(step, encode_text(model, unnormalized, text));
    EXPECT_LE(golden::distance(ours, expected(file)).max_abs, bound) << file;
    // int8 rows are some ten steps long here: 0.14. A wrong sign or row is off by far more.
    EXPECT_LT(bound, 0.2) << "a bound that says nothing";
  }
}

// A vocabulary of fewer rows than tokens, with weights and a Unigram tokenizer, all of its own.
TEST(Model2vecVocabularyQuantized, AgreesWithThePythonLibrary) {
  const auto folder = weights_folder() / "model2vec-test-model-vocab-quantized";
  if (!std::filesystem::is_directory(folder)) {
    GTEST_SKIP() << "no development data beside the checkout";
  }
  const LoadedModel model = load_model(folder.string());
  ASSERT_EQ(model.tokenizer->kind(), "Unigram");
  std::string text = "hello";
  for (int i = 1; i < 1000; ++i) text += " hello";
  const std::vector<float> vector = encode_text(model, model.head, text);
  const golden::Distance d = golden::distance(vector, expected("embeddings_vocab_quantized.json"));
  EXPECT_LE(d.max_abs, 1e-5);  // 512 f32 additions on either side
  EXPECT_GE(d.cosine, 0.9999999);
}

// Units in the last place of the stored rows: f16 values below 8 lie 2^-8 apart at most, int8
// ones 1.
INSTANTIATE_TEST_SUITE_P(Types, Model2vec,
                         ::testing::Values(std::pair{"float32", 0.0},
                                           std::pair{"float16", 1.0 / 256}, std::pair{"int8", 1.0}),
                         [](const auto& info) { return info.param.first; });

}  // namespace
}  // namespace embedtool
