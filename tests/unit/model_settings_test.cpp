// Whatever in a folder changes what its authors compute is honoured, or refused by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/loader_cases.hpp"

namespace embedtool {
namespace {

using ::testing::Contains;
using testing::error_loading;
using testing::Files;
using ::testing::HasSubstr;
using testing::load;
using testing::sentence_files;
using Json = nlohmann::json;

Files with_config(const std::function<void(Json&)>& change) {
  Files files = sentence_files();
  Json config = Json::parse(files["config.json"]);
  change(config);
  files["config.json"] = config.dump();
  return files;
}

/// A decoder's configuration; weights are not looked at before the encoder is built.
Files decoder_files(const char* type, const Json& more) {
  Files files = sentence_files();
  Json config{
      {"model_type", type},     {"vocab_size", 40},         {"hidden_size", 12},
      {"num_hidden_layers", 2}, {"num_attention_heads", 2}, {"num_key_value_heads", 1},
      {"head_dim", 6},          {"intermediate_size", 20},  {"max_position_embeddings", 64}};
  config.update(more);
  files["config.json"] = config.dump();
  return files;
}

std::string error_with(const char* key, const Json& value) {
  return error_loading(with_config([&](Json& config) { config[key] = value; }));
}

TEST(ModelSettings, RefusesOwnCodeByItsClass) {
  const std::string message = error_with("auto_map", {{"AutoModel", "modeling_x.OtherModel"}});
  EXPECT_THAT(message, HasSubstr("config.json"));
  EXPECT_THAT(message, HasSubstr("OtherModel"));
}

TEST(ModelSettings, RefusesWhatTheFamilyDoesNotCompute) {
  EXPECT_THAT(error_with("position_embedding_type", "relative_key"), HasSubstr("relative_key"));
  EXPECT_THAT(error_with("use_bidirectional_attention", true),
              HasSubstr("use_bidirectional_attention"));
  EXPECT_THAT(error_with("rope_scaling", {{"type", "linear"}}), HasSubstr("rope_scaling"));
  EXPECT_THAT(error_with("num_experts", 8), HasSubstr("experts"));
  EXPECT_THAT(error_with("lora_adaptations", {"retrieval"}), HasSubstr("adapters"));
}

TEST(ModelSettings, RefusesQuantizedWeightsByTheirMethod) {
  for (const char* method : {"gptq", "awq", "bitsandbytes"}) {
    EXPECT_THAT(error_with("quantization_config", {{"quant_method", method}}), HasSubstr(method));
  }
  EXPECT_THAT(error_with("quantization", {{"group_size", 64}, {"bits", 4}}), HasSubstr("MLX"));
  EXPECT_EQ(error_with("quantization_config", {{"quant_method", "fp8"}}), "");
}

TEST(ModelSettings, NotesKeysThatNobodyKnows) {
  const LoadedModel model = load(with_config([](Json& config) { config["fancy"] = 3; }));
  EXPECT_THAT(model.notes, Contains(HasSubstr("fancy")));
}

TEST(ModelSettings, DecodersReadBothWaysWhereTheyAreTold) {
  EXPECT_TRUE(load(decoder_files("qwen3", Json::object())).spec.causal);
  EXPECT_FALSE(load(decoder_files("qwen3", {{"is_causal", false}})).spec.causal);
  EXPECT_FALSE(load(decoder_files("qwen3", {{"use_bidirectional_attention", true}})).spec.causal);
  EXPECT_FALSE(load(decoder_files("llama", {{"is_causal", false}})).spec.causal);
  EXPECT_FALSE(load(decoder_files("eurobert", Json::object())).spec.causal);
  EXPECT_TRUE(load(decoder_files("gemma3_text", Json::object())).spec.causal);
  EXPECT_THAT(error_loading(decoder_files(
                  "qwen2", {{"auto_map", {{"AutoModel", "modeling_qwen.Qwen2Model"}}}})),
              HasSubstr("is_causal"));
}

TEST(ModelSettings, HonoursAProjectionBesideTheModel) {
  Files files =
      decoder_files("qwen3", {{"auto_map", {{"AutoModel", "m.Qwen3BidirectionalModel"}}}});
  EXPECT_THAT(error_loading(files), HasSubstr("linear.weight"));
  files["model.safetensors"] =
      testing::safetensors_file({testing::seeded_tensor("linear.weight", {5, 12})});
  const LoadedModel model = load(files);
  ASSERT_EQ(model.head.dense.size(), 1U);
  EXPECT_EQ(model.head.dense[0].out, 5U);
  EXPECT_FALSE(model.head.dense[0].bias);
}

TEST(ModelSettings, ScaledPositionsCountUnderEitherKey) {
  const Json yarn{{"rope_type", "yarn"},
                  {"factor", 4.0},
                  {"rope_theta", 10000.0},
                  {"original_max_position_embeddings", 16}};
  const auto old_key = load(decoder_files("qwen3", {{"rope_scaling", yarn}})).spec.rotary;
  const auto new_key = load(decoder_files("qwen3", {{"rope_parameters", yarn}})).spec.rotary;
  ASSERT_EQ(old_key.steps.size(), 3U);
  EXPECT_EQ(old_key.steps, new_key.steps);
  EXPECT_GT(old_key.magnitude, 1.0);
  const Json odd{{"rope_type", "longrope"}, {"factor", 4.0}};
  EXPECT_THAT(error_loading(decoder_files("qwen3", {{"rope_parameters", odd}})),
              HasSubstr("longrope"));
}

TEST(ModelSettings, RefusesModulesOfTheModelsOwn) {
  Files files = sentence_files();
  files["modules.json"] = testing::modules_json({{"", "custom_st.Transformer"}, testing::kPooling});
  EXPECT_THAT(error_loading(files), HasSubstr("custom_st.Transformer"));
}

TEST(ModelSettings, RefusesArgumentsAndPooledOutputs) {
  Files files = sentence_files();
  files["sentence_bert_config.json"] = R"({"max_seq_length": 20, "model_args": {"rope": 1}})";
  EXPECT_THAT(error_loading(files), HasSubstr("model_args.rope"));
  files["sentence_bert_config.json"] = R"({"module_output_name": "sentence_embedding"})";
  EXPECT_THAT(error_loading(files), HasSubstr("module_output_name"));
  files["sentence_bert_config.json"] =
      R"({"modality_config": {"text": {"method": "forward",
          "method_output_name": "pooler_output"}}})";
  EXPECT_THAT(error_loading(files), HasSubstr("pooler_output"));
  files["sentence_bert_config.json"] =
      R"({"transformer_task": "feature-extraction", "max_seq_length": 20,
          "modality_config": {"text": {"method": "forward",
          "method_output_name": "last_hidden_state"}}, "module_output_name": "token_embeddings",
          "processing_kwargs": {}, "unpad_inputs": null})";
  EXPECT_EQ(error_loading(files), "");
}

TEST(ModelSettings, AcceptsPromptsThatAreNull) {
  Files files = sentence_files();
  files["config_sentence_transformers.json"] =
      R"({"prompts": {"query": null, "document": "passage: "}, "default_prompt_name": null})";
  const LoadedModel model = load(files);
  EXPECT_EQ(model.prompts.size(), 1U);
  EXPECT_EQ(model.prompts.at("document"), "passage: ");
}

TEST(ModelSettings, LeavesPromptsOutOfThePooling) {
  Files files = sentence_files();
  files["1_Pooling/config.json"] =
      R"({"pooling_mode": "mean", "embedding_dimension": 12, "include_prompt": false})";
  EXPECT_FALSE(load(files).pools_prompt);
}

}  // namespace
}  // namespace embedtool
