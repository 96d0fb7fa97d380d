#include "formats/model/load_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/loader_cases.hpp"

namespace embedtool {
namespace {

using testing::add_dense;
using ::testing::AllOf;
using testing::bert_files;
using ::testing::ElementsAre;
using testing::error_loading;
using testing::Files;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kNormalize;
using testing::kPooling;
using testing::kTransformer;
using testing::load;
using testing::modules_json;
using testing::safetensors_file;
using testing::seeded_tensor;
using testing::sentence_files;

TEST(LoadModel, ReadsASentenceTransformersFolder) {
  Files files = sentence_files();
  files["sentence_bert_config.json"] = R"({"max_seq_length": 16, "do_lower_case": false})";
  files["config_sentence_transformers.json"] =
      R"({"prompts": {"query": "query: ", "document": ""}, "default_prompt_name": "query",
          "similarity_fn_name": "cosine"})";
  files["README.md"] = "# A card";
  const LoadedModel model = load(files);
  EXPECT_EQ(model.name, "test");
  EXPECT_EQ(model.spec.family, "bert");
  EXPECT_EQ(model.spec.hidden, 12U);
  EXPECT_THAT(model.head.pooling, ElementsAre(Pooling::mean));
  EXPECT_TRUE(model.head.normalize);
  EXPECT_THAT(model.head.dense, IsEmpty());
  EXPECT_EQ(model.pooling_source, "1_Pooling/config.json");
  EXPECT_EQ(model.max_tokens.value, 16U);
  EXPECT_EQ(model.max_tokens.why, "max_seq_length of sentence_bert_config.json");
  EXPECT_EQ(model.prompts.at("query"), "query: ");
  EXPECT_EQ(model.default_prompt_name, "query");
  EXPECT_EQ(model.similarity, "cosine");
  EXPECT_EQ(model.card, "# A card");
  EXPECT_THAT(model.notes, IsEmpty());
  EXPECT_EQ(model.tokenizer, nullptr);
  EXPECT_NE(model.weights->find("embeddings.word_embeddings.weight"), nullptr);
}

TEST(LoadModel, SurvivesAMove) {
  Files files = sentence_files();
  files["modules.json"] =
      modules_json({kTransformer, kPooling, {"2_Dense", "sentence_transformers.models.Dense"}});
  add_dense(files, "2_Dense", 12, 5, "torch.nn.modules.activation.Tanh");
  LoadedModel first = load(files);
  const LoadedModel second = std::move(first);
  EXPECT_EQ(second.head.dense.at(0).weights, second.dense_weights.at(0).get());
  EXPECT_NE(second.head.dense.at(0).weights->find("linear.weight"), nullptr);
}

TEST(LoadModel, WithoutModulesAssumesMeanAndUnitLengthAndSaysSo) {
  const LoadedModel model = load(bert_files());
  EXPECT_THAT(model.head.pooling, ElementsAre(Pooling::mean));
  EXPECT_TRUE(model.head.normalize);
  EXPECT_EQ(model.pooling_source, "assumed");
  EXPECT_THAT(model.notes, ElementsAre(HasSubstr("mean pooling assumed"),
                                       HasSubstr("normalized to unit length")));
}

TEST(LoadModel, WithoutModulesReadsAPoolingFolder) {
  Files files = bert_files();
  files["1_Pooling/config.json"] = R"({"pooling_mode_cls_token": true})";
  const LoadedModel model = load(files);
  EXPECT_THAT(model.head.pooling, ElementsAre(Pooling::cls));
  EXPECT_EQ(model.pooling_source, "1_Pooling/config.json");
}

TEST(LoadModel, NormalizeIsOffWhereTheListHasNone) {
  Files files = sentence_files();
  files["modules.json"] = modules_json({kTransformer, kPooling});
  EXPECT_FALSE(load(files).head.normalize);
}

TEST(LoadModel, ReadsNewClassPathsAndDropsDropout) {
  Files files = sentence_files();
  files["modules.json"] = modules_json(
      {{"", "sentence_transformers.base.modules.transformer.Transformer"},
       {"1_Pooling", "sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
       {"2_Dropout", "sentence_transformers.models.Dropout"},
       {"3_Normalize", "sentence_transformers.base.modules.normalize.Normalize"}});
  const LoadedModel model = load(files);
  EXPECT_TRUE(model.head.normalize);
  EXPECT_THAT(model.notes, ElementsAre(HasSubstr("Dropout")));
}

TEST(LoadModel, ReadsTheEncoderFromItsFolder) {
  Files files;
  for (auto& [name, content] : bert_files()) files["0_Transformer/" + name] = content;
  files["0_Transformer/sentence_bert_config.json"] = R"({"max_seq_length": 9})";
  files["modules.json"] =
      modules_json({{"0_Transformer", kTransformer.second}, kPooling, kNormalize});
  files["1_Pooling/config.json"] = R"({"pooling_mode": "cls"})";
  const LoadedModel model = load(files);
  EXPECT_EQ(model.max_tokens.value, 9U);
  EXPECT_THAT(model.head.pooling, ElementsAre(Pooling::cls));
}

TEST(LoadModel, ReadsDenseChains) {
  Files files = sentence_files();
  files["modules.json"] = modules_json({kTransformer,
                                        kPooling,
                                        {"2_Dense", "sentence_transformers.models.Dense"},
                                        {"3_Dense", "sentence_transformers.models.Dense"},
                                        kNormalize});
  files["1_Pooling/config.json"] = R"({"pooling_mode": ["cls", "mean"]})";
  add_dense(files, "2_Dense", 24, 30, "torch.nn.modules.activation.Tanh");
  add_dense(files, "3_Dense", 30, 7, "torch.nn.modules.linear.Identity", false);
  const LoadedModel model = load(files);
  ASSERT_EQ(model.head.dense.size(), 2U);
  EXPECT_EQ(model.head.dense[0].in, 24U);
  EXPECT_EQ(model.head.dense[0].out, 30U);
  EXPECT_TRUE(model.head.dense[0].bias);
  EXPECT_EQ(model.head.dense[0].activation, Activation::tanh);
  EXPECT_EQ(model.head.dense[1].out, 7U);
  EXPECT_FALSE(model.head.dense[1].bias);
  EXPECT_EQ(model.head.dense[1].activation, Activation::identity);
}

TEST(LoadModel, ReadsResidualDenseLayers) {
  Files files = sentence_files();
  files["modules.json"] = modules_json({kTransformer,
                                        kPooling,
                                        {"2", "sentence_transformers.models.Dense"},
                                        {"3", "sentence_transformers.models.Dense"}});
  files["2/config.json"] = R"({"in_features": 12, "out_features": 5, "use_residual": true})";
  files["2/model.safetensors"] =
      safetensors_file({seeded_tensor("linear.weight", {5, 12}), seeded_tensor("linear.bias", {5}),
                        seeded_tensor("residual.weight", {5, 12})});
  // Equal sizes need no projection.
  files["3/config.json"] =
      R"({"in_features": 5, "out_features": 5, "bias": false, "use_residual": true})";
  files["3/model.safetensors"] = safetensors_file({seeded_tensor("linear.weight", {5, 5})});
  const LoadedModel model = load(files);
  EXPECT_TRUE(model.head.dense.at(0).residual);
  EXPECT_TRUE(model.head.dense.at(1).residual);
}

// Every pooling spelling and what it means; the order is sentence-transformers'.
TEST(LoadModel, ReadsEveryPoolingMode) {
  const struct {
    const char* config;
    std::vector<Pooling> modes;
  } cases[] = {
      {"{}", {Pooling::mean}},
      {R"({"pooling_mode_mean_tokens": false, "pooling_mode_cls_token": true})", {Pooling::cls}},
      {R"({"pooling_mode_max_tokens": true})", {Pooling::max}},
      {R"({"pooling_mode_mean_sqrt_len_tokens": true})", {Pooling::mean_sqrt_len}},
      {R"({"pooling_mode_weightedmean_tokens": true})", {Pooling::weighted_mean}},
      {R"({"pooling_mode_lasttoken": true})", {Pooling::last}},
      {R"({"pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true,
           "pooling_mode_cls_token": true})",
       {Pooling::cls, Pooling::max, Pooling::mean}},
      {R"({"pooling_mode": "lasttoken", "pooling_mode_cls_token": true})", {Pooling::last}},
      {R"({"pooling_mode": "mean_sqrt_len_tokens"})", {Pooling::mean_sqrt_len}},
      {R"({"pooling_mode": ["mean", "weightedmean", "cls"]})",
       {Pooling::mean, Pooling::weighted_mean, Pooling::cls}},
  };
  for (const auto& each : cases) {
    Files files = sentence_files();
    files["1_Pooling/config.json"] = each.config;
    EXPECT_EQ(load(files).head.pooling, each.modes) << each.config;
  }
}

TEST(LoadModel, TellsWhenPromptsAreNotPooled) {
  Files files = sentence_files();
  EXPECT_TRUE(load(files).pools_prompt);
  files["1_Pooling/config.json"] = R"({"pooling_mode": "mean", "include_prompt": false})";
  EXPECT_FALSE(load(files).pools_prompt);
}

// Where the length limit comes from: settings, tokenizer, positions; what is no number is no limit.
TEST(LoadModel, FindsTheLongestText) {
  const struct {
    const char* what;
    Files extra;
    std::size_t tokens;
    const char* reason;
  } cases[] = {
      {"nothing said", {}, 32, "positions of the model"},
      {"settings",
       {{"sentence_bert_config.json", R"({"max_seq_length": 20})"}},
       20,
       "max_seq_length of sentence_bert_config.json"},
      {"older name",
       {{"sentence_xlnet_config.json", R"({"max_seq_length": 21})"}},
       21,
       "max_seq_length of sentence_xlnet_config.json"},
      {"settings without a number",
       {{"sentence_bert_config.json", R"({"max_seq_length": null})"}},
       32,
       "positions of the model"},
      {"settings beyond the table",
       {{"sentence_bert_config.json", R"({"max_seq_length": 99})"}},
       32,
       "positions of the model (max_seq_length of sentence_bert_config.json says 99)"},
      {"settings before tokenizer",
       {{"sentence_bert_config.json", R"({"max_seq_length": 20})"},
        {"tokenizer_config.json", R"({"model_max_length": 10})"}},
       20,
       "max_seq_length of sentence_bert_config.json"},
      {"tokenizer",
       {{"tokenizer_config.json", R"({"model_max_length": 10})"}},
       10,
       "model_max_length of tokenizer_config.json"},
      {"no limit as transformers writes it",
       {{"tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})"}},
       32,
       "positions of the model"},
  };
  for (const auto& each : cases) {
    Files files = sentence_files();
    files.insert(each.extra.begin(), each.extra.end());
    const LoadedModel model = load(files);
    EXPECT_EQ(model.max_tokens.value, each.tokens) << each.what;
    EXPECT_EQ(model.max_tokens.why, each.reason) << each.what;
  }
}

TEST(LoadModel, IgnoresTheLastCallsLengthAndSaysSo) {
  Files files = sentence_files();
  files["tokenizer_config.json"] = R"({"model_max_length": 30, "max_length": 8})";
  const LoadedModel model = load(files);
  EXPECT_EQ(model.max_tokens.value, 30U);
  EXPECT_THAT(model.notes, ElementsAre(HasSubstr("max_length 8")));
}

TEST(LoadModel, FingerprintCoversWhatTheModelIsMadeOf) {
  const Files files = sentence_files();
  const std::string fingerprint = load(files).fingerprint;
  EXPECT_EQ(fingerprint.size(), 32U);
  EXPECT_EQ(load(files).fingerprint, fingerprint);
  for (const char* name : {"config.json", "modules.json", "1_Pooling/config.json"}) {
    Files changed = files;
    changed[name] += " ";
    EXPECT_NE(load(changed).fingerprint, fingerprint) << name;
  }
  Files changed = files;
  changed["model.safetensors"].back() ^= 1;
  EXPECT_NE(load(changed).fingerprint, fingerprint);
  changed = files;
  changed["README.md"] = "no part of the model";
  EXPECT_EQ(load(changed).fingerprint, fingerprint);
}

Files with(const std::string& name, const std::string& content) {
  Files files = sentence_files();
  files[name] = content;
  return files;
}

Files with_modules(const std::vector<std::pair<std::string, std::string>>& modules) {
  return with("modules.json", modules_json(modules));
}

TEST(LoadModel, RefusesBrokenModuleLists) {
  EXPECT_THAT(error_loading(with("modules.json", "{}")), HasSubstr("should hold a list"));
  EXPECT_THAT(error_loading(with("modules.json", "[]")), HasSubstr("lists no module"));
  EXPECT_THAT(error_loading(with("modules.json", "[1]")), HasSubstr("a module has no 'type'"));
  EXPECT_THAT(error_loading(with("modules.json", R"([{"type": "Transformer"}])")),
              HasSubstr("a module has no 'path'"));
  EXPECT_THAT(error_loading(with_modules({kTransformer, kPooling, {"2", "my.own.Whitening"}})),
              AllOf(HasSubstr("my.own.Whitening"), HasSubstr("not supported")));
  EXPECT_THAT(error_loading(with_modules({kPooling})), HasSubstr("comes before it"));
  EXPECT_THAT(error_loading(with_modules({kTransformer})), HasSubstr("neither a Pooling module"));
  EXPECT_THAT(error_loading(with_modules({kTransformer, kTransformer})),
              HasSubstr("second encoder"));
  EXPECT_THAT(error_loading(with_modules({kTransformer, kPooling, kPooling})),
              HasSubstr("left to pool"));
  EXPECT_THAT(error_loading(with_modules({kTransformer, kNormalize, kPooling})),
              HasSubstr("Normalize before pooling"));
  EXPECT_THAT(error_loading(with_modules(
                  {kTransformer, {"2_Dense", "sentence_transformers.models.Dense"}, kPooling})),
              HasSubstr("Dense layer before pooling"));
  EXPECT_THAT(
      error_loading(with_modules(
          {kTransformer, kPooling, kNormalize, {"3_Dense", "sentence_transformers.models.Dense"}})),
      HasSubstr("Dense after Normalize"));
  EXPECT_THAT(error_loading(with_modules({{"../other", kTransformer.second}, kPooling})),
              HasSubstr("outside its folder"));
  EXPECT_THAT(error_loading(with_modules({kTransformer, {"/etc", kPooling.second}})),
              HasSubstr("outside its folder"));
}

TEST(LoadModel, RefusesBrokenParts) {
  Files files = sentence_files();
  files.erase("config.json");
  EXPECT_THAT(error_loading(files), HasSubstr("no config.json"));
  files = sentence_files();
  files.erase("1_Pooling/config.json");
  EXPECT_THAT(error_loading(files), HasSubstr("1_Pooling/config.json: missing"));
  files = sentence_files();
  files.erase("model.safetensors");
  files["pytorch_model.bin"] = "PK";
  EXPECT_THAT(error_loading(files), HasSubstr("torch.save()"));
  EXPECT_THAT(error_loading(with("1_Pooling/config.json", R"({"pooling_mode": "attention"})")),
              HasSubstr("'attention'"));
  EXPECT_THAT(error_loading(with("sentence_bert_config.json", R"({"max_seq_length": -1})")),
              HasSubstr("'max_seq_length'"));
  EXPECT_THAT(error_loading(with("config_sentence_transformers.json", R"({"prompts": [1]})")),
              HasSubstr("'prompts'"));
  EXPECT_THAT(error_loading(with("config_sentence_transformers.json",
                                 R"({"prompts": {}, "default_prompt_name": "query"})")),
              HasSubstr("default prompt 'query'"));
}

TEST(LoadModel, RefusesBrokenDenseLayers) {
  Files good = sentence_files();
  good["modules.json"] =
      modules_json({kTransformer, kPooling, {"2_Dense", "sentence_transformers.models.Dense"}});
  add_dense(good, "2_Dense", 12, 5, "torch.nn.modules.activation.Tanh");
  EXPECT_EQ(error_loading(good), "");
  const auto dense = [&good](const char* config) {
    Files files = good;
    files["2_Dense/config.json"] = config;
    return error_loading(files);
  };
  EXPECT_THAT(dense(R"({"in_features": 13, "out_features": 5})"),
              HasSubstr("input has 12 dimensions"));
  EXPECT_THAT(dense(R"({"in_features": 12, "out_features": 6})"), HasSubstr("linear.weight"));
  EXPECT_THAT(dense(R"({"in_features": 12, "out_features": 0})"), HasSubstr("'out_features'"));
  EXPECT_THAT(dense(R"({"in_features": 12, "out_features": 5, "use_residual": true})"),
              HasSubstr("'residual.weight' is missing"));
  EXPECT_THAT(dense(R"({"in_features": 12, "out_features": 5,
                        "module_input_name": "token_embeddings"})"),
              HasSubstr("token_embeddings"));
  EXPECT_THAT(dense(R"({"in_features": 12, "out_features": 5, "activation_function": "my.Act"})"),
              HasSubstr("my.Act"));
  Files files = good;
  files.erase("2_Dense/config.json");
  EXPECT_THAT(error_loading(files), HasSubstr("2_Dense/config.json: missing"));
  files = good;
  files["2_Dense/model.safetensors"] = safetensors_file({seeded_tensor("linear.weight", {5, 12})});
  EXPECT_THAT(error_loading(files), HasSubstr("'linear.bias' is missing"));
}

TEST(LoadModelByPath, OpensFolders) {
  const testing::TempFolder folder;
  folder.write(sentence_files());
  const LoadedModel model = load_model(folder.path().string() + "/");
  EXPECT_EQ(model.name, folder.path().filename().string());
  EXPECT_EQ(model.fingerprint, load(sentence_files()).fingerprint);
}

TEST(LoadModelByPath, NamesModelsOfAHubCache) {
  const testing::TempFolder folder;
  const std::string revision = "models--org--some-model/snapshots/0a1b";
  for (const auto& [name, content] : sentence_files()) {
    folder.write(revision + "/" + name, content);
  }
  EXPECT_EQ(load_model(folder.path() / revision).name, "org/some-model");
}

TEST(LoadModelByPath, SaysWhatIsWrongWithAPath) {
  const testing::TempFolder folder;
  folder.write("model.safetensors", "x");
  const auto message = [](const std::string& path) {
    try {
      load_model(path);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(message(folder.path() / "absent"), HasSubstr("no such model"));
  EXPECT_THAT(message(folder.path() / "model.safetensors"), HasSubstr("give the folder"));
  EXPECT_THAT(message(folder.path()), HasSubstr("no config.json"));
}

}  // namespace
}  // namespace embedtool
