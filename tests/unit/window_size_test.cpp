#include "core/pipeline/window_size.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/math/gemm_backends.hpp"
#include "tests/support/memory_model.hpp"

namespace embedtool {
namespace {

constexpr BlockLimits kMost{8192, std::size_t{16} << 20U};

TEST(WindowSize, WithoutABudgetIsWhatTheOptionsAllow) {
  WindowSize size(kMost, 0, 512);
  EXPECT_EQ(size.next().bytes, kMost.bytes);
  size.note(1 << 20, 10);
  EXPECT_EQ(size.next().bytes, kMost.bytes);
  EXPECT_EQ(size.next().records, kMost.records);
}

TEST(WindowSize, BeginsWithTheBytesOfUsualText) {
  const WindowSize size(kMost, 100'000, 512);
  EXPECT_EQ(size.next().bytes, 400'000U);
  EXPECT_EQ(size.next().records, kMost.records);
}

TEST(WindowSize, FollowsTheTokensOfTheWindowBefore) {
  WindowSize size(kMost, 100'000, 512);
  size.note(300'000, 150'000);  // two bytes a token
  EXPECT_EQ(size.next().bytes, 200'000U);
  size.note(200'000, 20'000);  // mostly copies
  EXPECT_EQ(size.next().bytes, 1'000'000U);
}

TEST(WindowSize, StaysWithinBounds) {
  WindowSize size(kMost, 100'000, 512);
  size.note(1 << 20, 0);  // copies alone
  EXPECT_EQ(size.next().bytes, kMost.bytes);
  size.note(1, 1'000'000);
  EXPECT_EQ(size.next().bytes, std::size_t{32} << 10U);
  const WindowSize tight({8192, 1000}, 100'000, 512);
  EXPECT_EQ(tight.next().bytes, 1000U);
}

TEST(WindowSize, CountsNoMoreOfATextThanIsEncoded) {
  EXPECT_EQ(WindowSize(kMost, 100, 512).tokens_of(400), 101U);
  EXPECT_EQ(WindowSize(kMost, 100, 512).tokens_of(100'000), 512U);
  EXPECT_EQ(WindowSize(kMost, 100, 0).tokens_of(100'000), 25'001U);
}

TEST(WindowSize, OfATransformerIsAFewBatchesForEachWorker) {
  const ModelSpec model = testing::small_bert();
  testing::MemoryWeights weights;
  testing::fill_weights(model, weights);
  const Encoder encoder(model, HeadSpec{}, weights, select_gemm("reference", Compute::f32));
  RunOptions options;
  options.threads = 3;
  options.batch.tokens = 1000;
  EXPECT_EQ(window_budget(options, encoder), 24'000U);
}

}  // namespace
}  // namespace embedtool
