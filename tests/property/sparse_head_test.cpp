// A head that weighs the vocabulary, over more tokens and columns than it makes logits of at a
// time: what a plain reading of the formula gives, and the same bits whatever the batch.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "core/math/gemm_backends.hpp"
#include "core/math/matrix.hpp"
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

  /// A tensor of `width` columns in float64.
  RowMajorMatrix<double> tensor(const char* name, std::size_t width) const {
    const TensorView& view = *weights_.find(name);
    const auto* values = reinterpret_cast<const float*>(view.bytes.data());
    const std::size_t size = view.bytes.size() / sizeof(float);
    return ConstMatrix(values, size / width, width).cast<double>();
  }

  /// The formula in float64 over the encoder's own states.
  Eigen::ArrayXd reading(const std::vector<TokenId>& ids) const;

  ModelSpec model_;
  MemoryWeights weights_;
  HeadSpec head_;
};

Eigen::ArrayXd SparseHeads::reading(const std::vector<TokenId>& ids) const {
  HeadSpec states;
  states.pooling = {Pooling::none};
  states.normalize = false;
  const Encoder encoder(model_, states, weights_, *GetParam());
  const std::vector<float> out = testing::encode_vectors(encoder, ids);
  if (ids.empty()) return Eigen::ArrayXd::Zero(kVocab);
  const auto x = ConstMatrix(out.data(), ids.size(), 60).cast<double>();
  RowMajorMatrix<double> y = x * tensor("t.weight", 60).transpose();
  y.rowwise() += tensor("t.bias", kInner).row(0);
  y = y.cwiseMax(0.0);
  y.colwise() -= y.rowwise().mean().eval();
  const Eigen::ArrayXd variance = y.array().square().rowwise().mean();
  y.array().colwise() /= (variance + double{model_.norm_eps}).sqrt();
  y.array().rowwise() *= tensor("n.weight", kInner).row(0).array();
  y.rowwise() += tensor("n.bias", kInner).row(0);
  RowMajorMatrix<double> logits = y * tensor("d", kInner).transpose();
  logits.rowwise() += tensor("b", kVocab).row(0);
  RowMajorMatrix<double> weights = logits.cwiseMax(0.0).array().log1p();
  if (head_.sparse.log_twice) weights = weights.array().log1p().eval();
  return head_.sparse.sums ? weights.colwise().sum().eval() : weights.colwise().maxCoeff().eval();
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
      Eigen::ArrayXd want = reading(sequences[i]);
      // Logits of magnitude 4 over 104 products: some 20 ulp, and as often as tokens are summed.
      const double bound = 2e-5 * static_cast<double>(sums ? sequences[i].size() : 1);
      for (const SparseEntry& entry : entries_of(rows[i])) {
        ASSERT_NEAR(entry.weight, want[entry.token], bound)
            << "row " << i << ", token " << entry.token;
        want[entry.token] = 0;
        ++entries;
      }
      EXPECT_LE(want.maxCoeff(), bound) << "a weight is missing";
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

/// Weights are dropped block by block of the vocabulary on the way, and none too many.
TEST_P(SparseHeads, CutRowsAreTheHeaviestOfWholeOnes) {
  const auto sequences = random_sequences(40, kVocab, {150, 30});
  const auto whole = run_with(sequences, {});
  head_.dims = 7;
  const auto cut = run_with(sequences, {});
  ASSERT_EQ(cut.size(), whole.size());
  std::size_t shortened = 0;
  for (std::size_t i = 0; i < cut.size(); ++i) {
    std::vector<SparseEntry> want = entries_of(whole[i]);
    shortened += want.size() > 7 ? 1 : 0;
    want.resize(std::min<std::size_t>(want.size(), 7));
    EXPECT_EQ(entries_of(cut[i]), want) << "row " << i;
  }
  EXPECT_GT(shortened, 20U);
}

/// The logits of a batch would be its tokens times the vocabulary.
TEST_P(SparseHeads, DoNotHoldAllLogits) {
  const Encoder encoder(model_, head_, weights_, *GetParam());
  const std::size_t logits = 4096 * kVocab * sizeof(float);
  EXPECT_LT(encoder.workspace_bytes({64, 4096, 64}), logits / 4);
}

INSTANTIATE_TEST_SUITE_P(All, SparseHeads, ::testing::ValuesIn(gemm_backends()),
                         [](const auto& info) { return std::string(info.param->name()); });

}  // namespace
}  // namespace embedtool
