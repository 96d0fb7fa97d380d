// LoRA adapters over a base model: what is merged, what is refused, and by which files a model is
// known.
#include "formats/model/model_adapter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/model/weights.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/unit/loader_cases.hpp"

namespace embedtool {
namespace {

using nlohmann::json;
using ::testing::Contains;
using testing::Files;
using ::testing::HasSubstr;
using testing::load;
using testing::seeded_tensor;
using testing::TempFolder;
using testing::TestTensor;

constexpr const char* kQuery = "encoder.layer.0.attention.self.query";

/// Both tensors of a module's change: rank 2.
std::vector<TestTensor> pair_of(const std::string& module, std::int64_t out, std::int64_t in) {
  return {seeded_tensor("base_model.model." + module + ".lora_A.weight", {2, in}),
          seeded_tensor("base_model.model." + module + ".lora_B.weight", {out, 2})};
}

struct AdapterCase {
  const TempFolder base;
  json settings = {{"peft_type", "LORA"}, {"r", 2}, {"lora_alpha", 6}};
  std::vector<TestTensor> tensors = pair_of(kQuery, 12, 12);

  AdapterCase() {
    base.write(testing::bert_files());
    settings["base_model_name_or_path"] = base.path();
  }

  Files files() const {
    return {{"adapter_config.json", settings.dump()},
            {"adapter_model.safetensors", testing::safetensors_file(tensors)}};
  }
  std::string error() const { return testing::error_loading(files()); }
};

std::vector<float> floats_of(const LoadedModel& model, const std::string& prefix, std::size_t out,
                             std::size_t in) {
  std::vector<float> values(out * in);
  WeightReader(*model.weights, model.spec.prefixes).matrix(prefix, out, in, values.data());
  return values;
}

TEST(ModelAdapter, AddsItsProductToTheWeight) {
  const AdapterCase c;
  const LoadedModel model = load(c.files());
  const LoadedModel base = load_model(c.base.path());
  const auto changed = floats_of(model, kQuery, 12, 12);
  const auto before = floats_of(base, kQuery, 12, 12);
  const auto* down = reinterpret_cast<const float*>(c.tensors[0].bytes.data());
  const auto* up = reinterpret_cast<const float*>(c.tensors[1].bytes.data());
  for (std::size_t o = 0; o < 12; ++o) {
    for (std::size_t i = 0; i < 12; ++i) {
      const double sum = 3.0 * (up[o * 2] * down[i] + up[o * 2 + 1] * down[12 + i]);
      EXPECT_NEAR(changed[o * 12 + i], before[o * 12 + i] + sum, 1e-6);
    }
  }
  const std::string other = "encoder.layer.1.attention.self.query";
  EXPECT_EQ(floats_of(model, other, 12, 12), floats_of(base, other, 12, 12));
  EXPECT_THAT(model.notes, Contains(HasSubstr("merged into 1 weight")));
}

TEST(ModelAdapter, IsKnownByTheBaseModelsFilesAsWell) {
  const AdapterCase c;
  const std::string fingerprint = load(c.files()).fingerprint;
  EXPECT_EQ(load(c.files()).fingerprint, fingerprint);
  Files base = testing::bert_files();
  base["model.safetensors"].back() ^= 1;
  c.base.write("model.safetensors", base["model.safetensors"]);
  EXPECT_NE(load(c.files()).fingerprint, fingerprint);
  AdapterCase other;
  other.settings["lora_alpha"] = 7;
  EXPECT_NE(load(other.files()).fingerprint, fingerprint);
}

TEST(ModelAdapter, TakesTheBaseModelWhateverLiesBeside) {
  AdapterCase c;
  Files files = c.files();
  files["config.json"] = R"({"model_type": "none"})";
  files["model.safetensors"] = "none";
  EXPECT_EQ(floats_of(load(files), kQuery, 12, 12), floats_of(load(c.files()), kQuery, 12, 12));
}

TEST(ModelAdapter, ReplacesTensorsThatItHoldsWhole) {
  AdapterCase c;
  const std::string bias = "encoder.layer.0.attention.self.query.bias";
  c.tensors.push_back(testing::tensor_of<float>(
      "base_model.model.encoder.layer.0.attention.self.query.base_layer.bias", "F32", {12},
      std::vector<float>(12, 0.25F)));
  c.tensors.push_back(seeded_tensor("base_model.model.classifier.weight", {3, 12}));
  const LoadedModel model = load(c.files());
  EXPECT_EQ(WeightReader(*model.weights, {}).vector(bias, 12), std::vector<float>(12, 0.25F));
  EXPECT_THAT(model.notes, Contains(HasSubstr("replaces 1 tensor")));
  EXPECT_THAT(model.notes, Contains(HasSubstr("no such layer: classifier.weight")));
}

TEST(ModelAdapter, FactorsFollowTheConfiguration) {
  LoraScaling scaling;
  scaling.alpha = 6.0;
  EXPECT_EQ(scaling.factor("layer.0.query", 4), 1.5);
  scaling.by_root = true;
  EXPECT_EQ(scaling.factor("layer.0.query", 4), 3.0);
  scaling.alpha_of = {{"query", 2.0}, {"0.key", 8.0}};
  EXPECT_EQ(scaling.factor("layer.0.query", 4), 1.0);
  EXPECT_EQ(scaling.factor("layer.0.subquery", 4), 3.0);
  EXPECT_EQ(scaling.factor("layer.0.key", 4), 4.0);
  EXPECT_EQ(scaling.factor("layer.10.key", 4), 3.0);
  scaling.alpha_of["0.query"] = 1.0;
  EXPECT_THROW(scaling.factor("layer.0.query", 4), Error);
}

TEST(ModelAdapter, RefusesWhatItCannotMerge) {
  const auto error_with = [](const char* key, json value) {
    AdapterCase c;
    c.settings[key] = std::move(value);
    return c.error();
  };
  EXPECT_THAT(error_with("peft_type", "IA3"), HasSubstr("IA3"));
  EXPECT_THAT(error_with("use_dora", true), HasSubstr("use_dora"));
  EXPECT_THAT(error_with("lora_bias", true), HasSubstr("lora_bias"));
  EXPECT_THAT(error_with("init_lora_weights", "pissa"), HasSubstr("init_lora_weights"));
  EXPECT_THAT(error_with("layer_replication", {{0, 1}}), HasSubstr("layer_replication"));
  EXPECT_THAT(error_with("alpha_pattern", {{"q.*", 2}}), HasSubstr("alpha_pattern"));
  EXPECT_THAT(error_with("base_model_name_or_path", nullptr), HasSubstr("does not name"));
  EXPECT_THAT(error_with("base_model_name_or_path", "/none"),
              HasSubstr("adapter_config.json: an adapter, whose base model is needed: /none: no "));
  EXPECT_EQ(error_with("use_dora", false), "");
  AdapterCase later;
  later.settings["later_idea"] = 1;
  EXPECT_THAT(load(later.files()).notes, Contains(HasSubstr("later_idea")));
}

TEST(ModelAdapter, RefusesTensorsThatDoNotFit) {
  AdapterCase c;
  c.tensors = pair_of(kQuery, 12, 11);
  EXPECT_THAT(c.error(), HasSubstr("do not fit encoder.layer.0.attention.self.query.weight"));
  c.tensors = {pair_of(kQuery, 12, 12)[0]};
  EXPECT_THAT(c.error(), HasSubstr("there is no lora_B.weight"));
  c.tensors = {pair_of(kQuery, 12, 12)[1]};
  EXPECT_THAT(c.error(), HasSubstr("there is no lora_A.weight"));
  c.tensors = pair_of("encoder.layer.7.query", 12, 12);
  EXPECT_THAT(c.error(), HasSubstr("is that its base model?"));
  c.tensors = pair_of("embeddings.position_embeddings", 32, 12);
  EXPECT_THAT(c.error(), HasSubstr("position_embeddings.weight, which is neither"));
  const std::string table = "base_model.model.embeddings.word_embeddings.lora_";
  c.tensors = {seeded_tensor(table + "embedding_A", {2, 40})};
  EXPECT_THAT(c.error(), HasSubstr("there is no lora_embedding_B"));
  c.tensors = {seeded_tensor(table + "embedding_A", {2, 41}),
               seeded_tensor(table + "embedding_B", {12, 2})};
  EXPECT_THAT(c.error(), HasSubstr("do not fit embeddings.word_embeddings.weight"));
  c.tensors = {seeded_tensor(table + "embedding_A", {80}),
               seeded_tensor(table + "embedding_B", {12, 2})};
  EXPECT_THAT(c.error(), HasSubstr("is not a matrix"));
  c.tensors = {seeded_tensor(table + "magnitude_vector", {40})};
  EXPECT_THAT(c.error(), HasSubstr("only lora_A and lora_B"));
  c.tensors = pair_of(kQuery, 12, 12);
  Files files = c.files();
  files.erase("adapter_model.safetensors");
  EXPECT_THAT(testing::error_loading(files), HasSubstr("adapter_model.bin"));
  // An adapter of an adapter.
  const AdapterCase inner;
  inner.base.write("adapter_config.json", "{}");
  EXPECT_THAT(inner.error(), HasSubstr("is an adapter as well"));
}

}  // namespace
}  // namespace embedtool
