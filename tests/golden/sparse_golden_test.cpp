// Heads that weigh tokens, and the others of the same folders, against what the originals give in
// float64. The contract on weights: that of vectors, over the whole vocabulary and scaled to length
// 1; so a token may be missing only where it weighs next to nothing.
#include <gtest/gtest.h>

#include "tests/golden/golden_checks.hpp"
#include "tests/golden/head_rows.hpp"

namespace embedtool {
namespace {

using golden::encode_texts;
using golden::golden_of;
using golden::head_folder;
using golden::Row;

struct Golden {
  std::vector<nlohmann::json> items;
  std::vector<std::string> texts;
};

/// With a duplicate at the end, which takes another way to its row.
Golden load(const std::string& name) {
  Golden out;
  const nlohmann::json golden = golden_of(head_folder(name));
  for (const nlohmann::json& item : golden.at("items")) {
    out.items.push_back(item);
    out.texts.push_back(item.at("text"));
  }
  out.items.push_back(out.items.at(2));
  out.texts.push_back(out.texts.at(2));
  return out;
}

LoadedModel load_head(const std::string& name, HeadKind head) {
  LoadedModel model = load_model((head_folder(name) / "model").string());
  choose_head(model, head);
  EXPECT_EQ(model.head_kind, head);
  return model;
}

std::vector<double> wanted_weights(const nlohmann::json& item, std::size_t vocab) {
  std::vector<double> all(vocab);
  for (const auto& [id, weight] : item.at("weights").items()) all.at(std::stoul(id)) = weight;
  return all;
}

void expect_weights(const Row& row, const nlohmann::json& item, std::size_t vocab) {
  const std::vector<double> want = wanted_weights(item, vocab);
  double square = 0;
  for (const double x : want) square += x * x;
  EXPECT_EQ(row.n_tokens, item.at("input_ids").size()) << item.at("text");
  if (square == 0) {
    EXPECT_TRUE(row.weights.empty()) << item.at("text");
    return;
  }
  std::vector<float> got(vocab);
  for (std::size_t i = 0; i < row.weights.size(); ++i) {
    const SparseEntry& entry = row.weights[i];
    EXPECT_GT(entry.weight, 0.0F);
    if (i > 0) {
      EXPECT_GE(row.weights[i - 1].weight, entry.weight) << "not in order";
    }
    EXPECT_EQ(got.at(static_cast<std::size_t>(entry.token)), 0.0F) << "twice";
    got[static_cast<std::size_t>(entry.token)] =
        static_cast<float>(entry.weight / std::sqrt(square));
  }
  golden::expect_near(got, golden::unit(want), item.at("text"));
}

void expect_sparse(const std::string& name) {
  const LoadedModel model = load_head(name, HeadKind::sparse);
  const Golden golden = load(name);
  const std::vector<Row> rows = encode_texts(model, golden.texts);
  ASSERT_EQ(rows.size(), golden.items.size());
  std::size_t weights = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    expect_weights(rows[i], golden.items[i], model.spec.vocab_size);
    weights += rows[i].weights.size();
  }
  EXPECT_GT(weights, rows.size());
}

TEST(SparseGolden, BertForMaskedLanguageWithoutModules) {
  EXPECT_EQ(load_model((head_folder("splade_bert") / "model").string()).head_kind, HeadKind::dense);
  expect_sparse("splade_bert");
}

TEST(SparseGolden, DistilBertWithSpladePooling) {
  expect_sparse("splade_distilbert");
}

TEST(SparseGolden, BgeM3Sparse) {
  expect_sparse("bge_m3");
}

TEST(SparseGolden, KeepsTheHeaviest) {
  LoadedModel model = load_head("splade_bert", HeadKind::sparse);
  const Golden golden = load("splade_bert");
  const std::vector<Row> all = encode_texts(model, golden.texts);
  model.head.dims = 3;
  const std::vector<Row> some = encode_texts(model, golden.texts);
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(some[i].weights.size(), std::min<std::size_t>(3, all[i].weights.size()));
    for (std::size_t k = 0; k < some[i].weights.size(); ++k) {
      EXPECT_EQ(some[i].weights[k].token, all[i].weights[k].token);
      EXPECT_EQ(some[i].weights[k].weight, all[i].weights[k].weight);
    }
  }
}

TEST(SparseGolden, BgeM3Dense) {
  const LoadedModel model = load_head("bge_m3", HeadKind::dense);
  const Golden golden = load("bge_m3");
  const std::vector<Row> rows = encode_texts(model, golden.texts);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].vectors.size(), 1U);
    golden::expect_near(rows[i].vectors[0], golden.items[i].at("dense").get<std::vector<double>>(),
                        golden.texts[i]);
  }
}

TEST(SparseGolden, BgeM3Colbert) {
  const LoadedModel model = load_head("bge_m3", HeadKind::colbert);
  const Golden golden = load("bge_m3");
  const std::vector<Row> rows = encode_texts(model, golden.texts);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto want = golden.items[i].at("vectors").get<std::vector<std::vector<double>>>();
    ASSERT_EQ(rows[i].vectors.size(), want.size()) << golden.texts[i];
    for (std::size_t v = 0; v < want.size(); ++v) {
      golden::expect_near(rows[i].vectors[v], want[v], golden.texts[i]);
    }
  }
}

}  // namespace
}  // namespace embedtool
