// A head that weighs the vocabulary, over more tokens and columns than it makes logits of at a
// time: what a plain reading of the formula gives, and the same bits whatever the batch.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/math/gemm_backends.hpp"
#include "core/pipeline/run.hpp"
#include "tests/support/encode_vectors.hpp"
#include "tests/support/memory_model.hpp"

namespace embedtool {
namespace {

using testing::IdSource;
using testing::MemoryRows;
using testing::MemoryWeights;
using testing::NoRejects;
using testing::random_sequences;

constexpr std::size_t kVocab = 3201;  // two whole blocks and a rest
constexpr std::size_t kInner = 44;

class SparseHeads : public ::testing::TestWithParam<const GemmBackend*> {
 protected:
  void SetUp() override {
    if (const std::string why = GetParam()->unavailable(Compute::f32); !why.empty()) {
      GTEST_SKIP() << why;
    }
    model_ = testing::small_bert();
    model_.vocab_size = kVocab;
    testing::fill_weights(model_, weights_);
    weights_.add("t.weight", {kInner, 60}, 0.13F, 0.0F);
    weights_.add("t.bias", {kInner}, 0.1F, 0.0F);
    weights_.add("n.weight", {kInner}, 0.2F, 1.0F);
    weights_.add("n.bias", {kInner}, 0.1F, 0.0F);
    weights_.add("d", {kVocab, kInner}, 0.15F, 0.0F);
    weights_.add("b", {kVocab}, 0.3F, -1.5F);
    head_.sparse.kind = SparseKind::vocabulary;
    head_.sparse.transform = "t";
    head_.sparse.norm = "n";
    head_.sparse.decoder = "d";
    head_.sparse.decoder_bias = "b";
    head_.sparse.inner = kInner;
    head_.sparse.activation = Activation::relu;
  }

  std::vector<MemoryRows::Row> run_with(const std::vector<std::vector<TokenId>>& sequences,
                                        const RunOptions& options) const {
    const Encoder encoder(model_, head_, weights_, *GetParam());
    OutputSpec output;
    output.dims = encoder.dims();
    output.kind = encoder.kind();
    EXPECT_EQ(output.kind, RowKind::sparse);
    EXPECT_EQ(output.dims, kVocab);
    IdSource source(sequences);
    MemoryRows sink(sizeof(SparseEntry));
    NoRejects rejects;
    StageClock clock;
    run(source, nullptr, encoder, output, sink, rejects, options, clock);
    return sink.rows;
  }

  const float* tensor(const char* name) const {
    return reinterpret_cast<const float*>(weights_.find(name)->bytes.data());
  }

  /// The formula in float64 over the encoder's own states.
  std::vector<double> reading(const std::vector<TokenId>& ids) const;

  ModelSpec model_;
  MemoryWeights weights_;
  HeadSpec head_;
};

std::vector<double> SparseHeads::reading(const std::vector<TokenId>& ids) const {
  HeadSpec states;
  states.pooling = {Pooling::none};
  states.normalize = false;
  const Encoder encoder(model_, states, weights_, *GetParam());
  const std::vector<float> out = testing::encode_vectors(encoder, ids);
  std::vector<double> pooled(kVocab);
  for (std::size_t t = 0; t < ids.size(); ++t) {
    std::vector<double> x(kInner);
    double mean = 0;
    for (std::size_t i = 0; i < kInner; ++i) {
      x[i] = tensor("t.bias")[i];
      for (std::size_t j = 0; j < 60; ++j)
        x[i] += double{tensor("t.weight")[i * 60 + j]} * out[t * 60 + j];
      x[i] = std::max(x[i], 0.0);
      mean += x[i] / kInner;
    }
    double variance = 0;
    for (const double v : x) variance += (v - mean) * (v - mean) / kInner;
    for (std::size_t i = 0; i < kInner; ++i) {
      x[i] = (x[i] - mean) / std::sqrt(variance + double{model_.norm_eps}) * tensor("n.weight")[i] +
             tensor("n.bias")[i];
    }
    for (std::size_t v = 0; v < kVocab; ++v) {
      double logit = tensor("b")[v];
      for (std::size_t i = 0; i < kInner; ++i) logit += double{tensor("d")[v * kInner + i]} * x[i];
      double weight = std::log1p(std::max(logit, 0.0));
      if (head_.sparse.log_twice) weight = std::log1p(weight);
      pooled[v] = head_.sparse.sums ? pooled[v] + weight : std::max(pooled[v], weight);
    }
  }
  return pooled;
}

std::vector<SparseEntry> entries_of(const MemoryRows::Row& row) {
  std::vector<SparseEntry> out(row.bytes.size() / sizeof(SparseEntry));
  if (!out.empty()) std::memcpy(out.data(), row.bytes.data(), row.bytes.size());
  return out;
}

TEST_P(SparseHeads, GiveWhatTheFormulaGives) {
  const auto sequences = random_sequences(24, kVocab, {150, 30});
  for (const bool sums : {false, true}) {
    head_.sparse.sums = sums;
    head_.sparse.log_twice = sums;
    const auto rows = run_with(sequences, {});
    ASSERT_EQ(rows.size(), sequences.size());
    std::size_t entries = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::vector<double> want = reading(sequences[i]);
      // Logits of magnitude 4 over 104 products: some 20 ulp, and as often as tokens are summed.
      const double bound = 2e-5 * static_cast<double>(sums ? sequences[i].size() : 1);
      for (const SparseEntry& entry : entries_of(rows[i])) {
        const auto token = static_cast<std::size_t>(entry.token);
        ASSERT_NEAR(entry.weight, want[token], bound) << "row " << i << ", token " << token;
        want[token] = 0;
        ++entries;
      }
      EXPECT_LE(*std::max_element(want.begin(), want.end()), bound) << "a weight is missing";
    }
    EXPECT_GT(entries, 1000U);
  }
}

TEST_P(SparseHeads, AreTheSameInEveryBatch) {
  const auto sequences = random_sequences(60, kVocab, {150, 30});
  for (const bool sums : {false, true}) {
    head_.sparse.sums = sums;
    head_.dims = sums ? 7 : 0;
    const auto want = run_with(sequences, {});
    for (const std::size_t texts : {1U, 5U, 64U}) {
      RunOptions options;
      options.batch.texts = texts;
      options.threads = 2;
      options.window.records = 13;
      const auto got = run_with(sequences, options);
      ASSERT_EQ(got.size(), want.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_EQ(got[i].bytes, want[i].bytes) << "row " << i << ", batches of " << texts;
        if (sums) {
          ASSERT_LE(got[i].bytes.size(), 7 * sizeof(SparseEntry));
        }
      }
    }
  }
}

/// The logits of a batch would be its tokens times the vocabulary.
TEST_P(SparseHeads, DoNotHoldAllLogits) {
  const Encoder encoder(model_, head_, weights_, *GetParam());
  const std::size_t logits = 4096 * kVocab * sizeof(float);
  EXPECT_LT(encoder.workspace_bytes(64, 4096, 64), logits / 4);
}

INSTANTIATE_TEST_SUITE_P(All, SparseHeads, ::testing::ValuesIn(gemm_backends()),
                         [](const auto& info) { return std::string(info.param->name()); });

}  // namespace
}  // namespace embedtool
