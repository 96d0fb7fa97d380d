// Promise 2: a text's vector depends on the text alone, bit for bit, whatever the batch size, the
// batch mates, the order, the threads or the window.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <random>
#include <thread>
#include <tuple>

#include <fmt/core.h>

#include "core/math/gemm_backends.hpp"
#include "core/pipeline/run.hpp"
#include "tests/support/memory_model.hpp"

namespace embedtool {
namespace {

using testing::IdSource;
using testing::MemoryRows;
using testing::MemoryWeights;
using testing::NoRejects;
using testing::random_sequences;

using Choice = std::tuple<const GemmBackend*, Compute>;

class Invariance : public ::testing::TestWithParam<Choice> {
 protected:
  void SetUp() override {
    const auto [backend, compute] = GetParam();
    if (const std::string why = backend->unavailable(compute); !why.empty()) GTEST_SKIP() << why;
    spec_ = testing::small_bert();
    testing::fill_weights(spec_, weights_);
  }

  std::vector<MemoryRows::Row> run_with(const std::vector<std::vector<TokenId>>& sequences,
                                        const RunOptions& options,
                                        Pooling pooling = Pooling::mean) {
    MemoryRows sink(spec_.hidden * sizeof(float));
    run_into(sink, sequences, options, pooling);
    EXPECT_TRUE(sink.finished);
    return sink.rows;
  }

  void run_into(EmbeddingSink& sink, const std::vector<std::vector<TokenId>>& sequences,
                const RunOptions& options, Pooling pooling = Pooling::mean) {
    HeadSpec head;
    head.pooling = {pooling};
    const auto [backend, compute] = GetParam();
    const Encoder encoder(spec_, head, weights_, *backend, compute);
    OutputSpec output;
    output.dims = encoder.dims();
    output.kind = encoder.kind();
    IdSource source(sequences);
    NoRejects rejects;
    StageClock clock;
    report_ = run(source, nullptr, encoder, output, sink, rejects, options, clock);
  }

  ModelSpec spec_;
  MemoryWeights weights_;
  RunReport report_;
};

void expect_equal(const std::vector<MemoryRows::Row>& got, const std::vector<MemoryRows::Row>& want,
                  const std::vector<std::size_t>& order) {
  ASSERT_EQ(got.size(), order.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].id, std::to_string(i));
    ASSERT_EQ(got[i].bytes, want[order[i]].bytes) << "row " << i;
    ASSERT_EQ(got[i].info.text_hash, want[order[i]].info.text_hash);
    ASSERT_EQ(got[i].info.n_tokens, want[order[i]].info.n_tokens);
  }
}

TEST_P(Invariance, OverBatchSizesThreadsWindowsAndOrder) {
  const auto sequences = random_sequences(300, spec_.vocab_size, {301, 40});
  std::vector<std::size_t> order(sequences.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto want = run_with(sequences, {});
  for (const std::size_t texts : {1U, 7U, 64U, 128U}) {
    for (const std::size_t threads : {1U, 2U, 3U}) {
      for (const std::size_t window : {10U, 100000U}) {
        RunOptions options;
        options.batch.texts = texts;
        options.threads = threads;
        options.window.records = window;
        expect_equal(run_with(sequences, options), want, order);
      }
    }
  }
  std::shuffle(order.begin(), order.end(), std::mt19937(9));
  std::vector<std::vector<TokenId>> shuffled;
  for (const std::size_t i : order) shuffled.push_back(sequences[i]);
  RunOptions options;
  options.threads = 2;
  options.batch = {33, 500};
  expect_equal(run_with(shuffled, options), want, order);
}

TEST_P(Invariance, WhereTokensChooseExperts) {
  testing::add_experts(spec_, weights_);
  auto sequences = random_sequences(200, spec_.vocab_size, {301, 40});
  std::vector<std::size_t> order(sequences.size());
  std::iota(order.begin(), order.end(), 0U);
  RunOptions alone;
  alone.batch.texts = 1;
  const auto want = run_with(sequences, alone);
  std::reverse(order.begin(), order.end());
  std::reverse(sequences.begin(), sequences.end());
  RunOptions together;
  together.batch.texts = 128;
  together.threads = 2;
  expect_equal(run_with(sequences, together), want, order);
}

TEST_P(Invariance, OneVectorPerToken) {
  const auto sequences = random_sequences(60, spec_.vocab_size, {301, 40});
  const auto want = run_with(sequences, {}, Pooling::none);
  for (std::size_t i = 0; i < want.size(); ++i) {
    ASSERT_EQ(want[i].bytes.size(), sequences[i].size() * 60 * sizeof(float));
  }
  std::vector<std::size_t> order(sequences.size());
  std::iota(order.begin(), order.end(), 0U);
  RunOptions options;
  options.batch.texts = 3;
  options.threads = 2;
  options.window.records = 13;
  expect_equal(run_with(sequences, options, Pooling::none), want, order);
}

TEST_P(Invariance, ReportCountsAddUp) {
  const auto sequences = random_sequences(300, spec_.vocab_size, {301, 40});
  RunOptions options;
  options.threads = 2;
  options.window.records = 50;
  run_with(sequences, options);
  EXPECT_EQ(report_.counts.records, 300U);
  EXPECT_EQ(report_.counts.rows, 300U);
  EXPECT_EQ(report_.counts.windows, 6U);
  EXPECT_GT(report_.counts.duplicates, 10U);
  EXPECT_EQ(report_.work.padding.real, report_.counts.tokens);
  EXPECT_GE(report_.work.padding.actual, report_.work.padding.real);
  EXPECT_GE(report_.work.padding.arrival, report_.work.padding.sorted);
  EXPECT_EQ(report_.work.batches.wall.count(), report_.counts.batches);
  for (const ThreadAccount& thread : report_.times.threads) {
    std::uint64_t cpu = 0;
    for (const StageTotals& stage : thread.stages) cpu += stage.cpu_ns;
    EXPECT_GT(cpu, 0U) << thread.name;
  }
}

/// Takes a window, then asks for an end and holds up the run until that has been noticed.
class StoppingSink final : public EmbeddingSink {
 public:
  void write(const EmbeddingBlock&) override {
    stop = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  void finish() override {}
  std::uint64_t bytes_written() const override { return 0; }
  std::uint64_t bytes_raw() const override { return 0; }

  std::atomic<bool> stop{false};
};

// What was computed of windows that were not written is not in the account.
TEST_P(Invariance, AStoppedRunCountsWrittenWindows) {
  auto sequences = random_sequences(300, spec_.vocab_size, {301, 40});
  RunOptions options;
  options.threads = 2;
  options.window.records = 50;
  StoppingSink sink;
  options.stop = &sink.stop;
  run_into(sink, sequences, options);
  ASSERT_TRUE(report_.interrupted);
  ASSERT_LT(report_.counts.windows, 6U);
  const RunReport stopped = std::move(report_);
  sequences.resize(stopped.counts.rows);
  options.stop = nullptr;
  run_with(sequences, options);
  EXPECT_EQ(stopped.work.padding.real, report_.work.padding.real);
  EXPECT_EQ(stopped.work.padding.actual, report_.work.padding.actual);
}

INSTANTIATE_TEST_SUITE_P(All, Invariance,
                         ::testing::Combine(::testing::ValuesIn(gemm_backends()),
                                            ::testing::Values(Compute::f32, Compute::bf16,
                                                              Compute::int8)),
                         [](const auto& info) {
                           return fmt::format("{}_{}", std::get<0>(info.param)->name(),
                                              name_of(std::get<1>(info.param)));
                         });

}  // namespace
}  // namespace embedtool
