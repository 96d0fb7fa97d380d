// Heads that give several vectors a text, compared with what the original gives in float64.
#include <gtest/gtest.h>

#include "tests/golden/golden_checks.hpp"
#include "tests/golden/head_rows.hpp"

namespace embedtool {
namespace {

namespace fs = std::filesystem;
using golden::encode_texts;
using golden::golden_of;
using golden::head_folder;
using golden::Row;

class Colbert : public ::testing::TestWithParam<std::string> {};

TEST_P(Colbert, GivesTheVectorsOfTheOriginal) {
  const fs::path folder = head_folder(GetParam());
  const nlohmann::json golden = golden_of(folder);
  for (const std::string role : {"query", "document"}) {
    LoadedModel model = load_model((folder / "model").string());
    ASSERT_TRUE(model.colbert.has_value());
    choose_role(model, role == "query");
    std::vector<nlohmann::json> items;
    std::vector<std::string> texts;
    for (const nlohmann::json& item : golden.at("items")) {
      if (item.at("role") != role) continue;
      items.push_back(item);
      texts.push_back(item.at("text"));
    }
    texts.push_back(texts.front());  // a duplicate, which takes another way to its row
    items.push_back(items.front());
    const std::vector<Row> rows = encode_texts(model, texts);
    ASSERT_EQ(rows.size(), items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto want = items[i].at("vectors").get<std::vector<std::vector<double>>>();
      EXPECT_EQ(rows[i].n_tokens, items[i].at("input_ids").size()) << texts[i];
      ASSERT_EQ(rows[i].vectors.size(), want.size()) << role << ": " << texts[i];
      for (std::size_t v = 0; v < want.size(); ++v) {
        golden::expect_near(rows[i].vectors[v], want[v],
                            role + " '" + texts[i] + "', vector " + std::to_string(v));
      }
    }
  }
}

TEST_P(Colbert, NumbersTokensAsTheOriginal) {
  const fs::path folder = head_folder(GetParam());
  const nlohmann::json golden = golden_of(folder);
  ASSERT_FALSE(golden.at("items").empty());
  for (const nlohmann::json& item : golden.at("items")) {
    LoadedModel model = load_model((folder / "model").string());
    choose_role(model, item.at("role") == "query");
    const auto scratch = model.tokenizer->make_scratch();
    std::vector<TokenId> ids;
    model.tokenizer->encode(item.at("text").get<std::string>(), {model.max_tokens.value, true},
                            *scratch, ids);
    EXPECT_EQ(ids, item.at("input_ids").get<std::vector<TokenId>>()) << item.at("text");
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, Colbert, ::testing::Values("colbert_pylate", "colbert_stanford"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace embedtool
