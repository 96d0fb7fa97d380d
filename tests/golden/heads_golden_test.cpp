// Heads that give several vectors a text, through the whole pipeline: a corpus of texts goes in,
// the rows that a sink receives are compared with what the original gives in float64.
#include <gtest/gtest.h>

#include <sstream>

#include "core/pipeline/run.hpp"
#include "formats/corpus/corpus.hpp"
#include "formats/model/hf_model.hpp"
#include "formats/output/rejects.hpp"
#include "tests/golden/golden_checks.hpp"

namespace embedtool {
namespace {

namespace fs = std::filesystem;

struct Row {
  std::uint32_t n_tokens = 0;
  std::vector<std::vector<float>> vectors;
};

/// Keeps what it is given.
class RowSink : public EmbeddingSink {
 public:
  explicit RowSink(std::size_t dims) : dims_(dims) {}
  void write(const EmbeddingBlock& block) override {
    const auto* values = reinterpret_cast<const float*>(block.vectors.data());
    for (std::size_t r = 0; r < block.rows.size(); ++r) {
      Row& row = rows.emplace_back();
      row.n_tokens = block.rows[r].n_tokens;
      for (auto v = block.vector_offsets[r]; v < block.vector_offsets[r + 1]; ++v) {
        row.vectors.emplace_back(values + v * dims_, values + (v + 1) * dims_);
      }
    }
  }
  void finish() override {}
  std::uint64_t bytes_written() const override { return 0; }
  std::uint64_t bytes_raw() const override { return 0; }

  std::vector<Row> rows;

 private:
  std::size_t dims_;
};

nlohmann::json golden_of(const fs::path& folder) {
  std::ifstream file(folder / "golden.json");
  return nlohmann::json::parse(file);
}

/// Rows of `texts`, in small batches so that queries and lengths mix.
std::vector<Row> encode_texts(const LoadedModel& model, const std::vector<std::string>& texts) {
  const fs::path corpus = fs::path(testing::TempDir()) / "embedtool-heads.jsonl";
  std::ofstream lines(corpus);
  for (const std::string& text : texts) lines << nlohmann::json{{"text", text}}.dump() << "\n";
  lines.close();
  const Encoder encoder(model.spec, model.head, *model.weights, select_gemm("", Compute::f32));
  OutputSpec spec;
  spec.dims = encoder.dims();
  spec.multi_vector = encoder.multi_vector();
  RejectLog rejects({});
  CorpusOptions input;
  input.inputs = {corpus.string()};
  const auto source = open_corpus(input, rejects);
  RowSink sink(spec.dims);
  RunOptions options;
  options.threads = 2;
  options.batch.texts = 4;
  options.max_tokens = model.max_tokens;
  StageClock clock;
  run(*source, model.tokenizer.get(), encoder, spec, sink, rejects, options, clock);
  fs::remove(corpus);
  return sink.rows;
}

class Colbert : public testing::TestWithParam<std::string> {};

TEST_P(Colbert, GivesTheVectorsOfTheOriginal) {
  const fs::path folder = fs::path(EMBEDTOOL_SOURCE_DIR) / "tests/golden/heads" / GetParam();
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
  const fs::path folder = fs::path(EMBEDTOOL_SOURCE_DIR) / "tests/golden/heads" / GetParam();
  const nlohmann::json golden = golden_of(folder);
  ASSERT_FALSE(golden.at("items").empty());
  for (const nlohmann::json& item : golden.at("items")) {
    LoadedModel model = load_model((folder / "model").string());
    choose_role(model, item.at("role") == "query");
    const auto scratch = model.tokenizer->make_scratch();
    std::vector<TokenId> ids;
    model.tokenizer->encode(item.at("text").get<std::string>(), {model.max_tokens, true}, *scratch,
                            ids);
    EXPECT_EQ(ids, item.at("input_ids").get<std::vector<TokenId>>()) << item.at("text");
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, Colbert, testing::Values("colbert_pylate", "colbert_stanford"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace embedtool
