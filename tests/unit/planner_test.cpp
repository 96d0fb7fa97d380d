#include "core/pipeline/planner.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace embedtool {
namespace {

TEST(Planner, IsAPermutationWithinBudget) {
  std::minstd_rand generator(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint32_t> lengths(generator() % 300);
    for (auto& l : lengths) l = static_cast<std::uint32_t>(generator() % 600);
    const BatchLimits limits{1 + generator() % 70, 1 + generator() % 5000};
    Plan plan;
    plan_batches(lengths, limits, 1 + round % 4, plan);
    std::vector<bool> seen(lengths.size());
    std::size_t next = 0;
    for (const PlannedBatch& batch : plan.batches) {
      ASSERT_EQ(batch.first, next);
      next += batch.count;
      std::uint64_t tokens = 0;
      for (std::uint32_t i = batch.first; i < next; ++i) {
        ASSERT_FALSE(seen[plan.order[i]]);
        seen[plan.order[i]] = true;
        tokens += lengths[plan.order[i]];
      }
      EXPECT_EQ(tokens, batch.tokens);
      EXPECT_EQ(batch.longest, lengths[plan.order[batch.first]]);
      EXPECT_LE(batch.count, limits.texts);
      if (batch.count > 1) {
        EXPECT_LE(batch.tokens, limits.tokens);
      }
    }
    EXPECT_EQ(next, lengths.size());
  }
}

TEST(Planner, LongestFirstAndStable) {
  const std::vector<std::uint32_t> lengths{3, 9, 3, 1, 9};
  Plan plan;
  plan_batches(lengths, {2, 100}, 1, plan);
  EXPECT_EQ(plan.order, (std::vector<std::uint32_t>{1, 4, 0, 2, 3}));
}

TEST(Planner, NoWorkerIsLeftWithALongBatchAtTheEnd) {
  const std::vector<std::uint32_t> lengths(1000, 128);
  Plan plan;
  plan_batches(lengths, {64, 8192}, 2, plan);
  EXPECT_EQ(plan.batches.front().tokens, 8192U);
  EXPECT_LE(plan.batches.back().tokens, 1024U);
  std::uint64_t left = 128000;
  for (const PlannedBatch& batch : plan.batches) {
    // No more than the rest divided by twice the workers, down to the least worth a batch.
    EXPECT_LE(batch.tokens, std::max<std::uint64_t>(1024, left / 4));
    left -= batch.tokens;
  }
}

TEST(Planner, WithoutWorkersToEndTogetherBatchesAreFull) {
  const std::vector<std::uint32_t> lengths(1000, 10);
  Plan plan;
  plan_batches(lengths, {64, 8192}, 0, plan);
  ASSERT_EQ(plan.batches.size(), 16U);
  for (std::size_t i = 0; i < 15; ++i) EXPECT_EQ(plan.batches[i].count, 64U);
  EXPECT_EQ(plan.batches.back().count, 40U);
}

TEST(Planner, MidwayWorkersShareOnlyAWindowThatIsShort) {
  const BatchLimits limits{64, 1000};
  const std::vector<std::uint32_t> lengths(100, 80);  // 8000 tokens
  EXPECT_EQ(workers_midway(lengths, limits, 2), 0U);
  EXPECT_EQ(workers_midway(lengths, limits, 3), 3U);
}

TEST(Planner, PaddedTokens) {
  const std::vector<std::uint32_t> lengths{3, 9, 3, 1, 9};
  EXPECT_EQ(padded_tokens(lengths, 2), 9 * 2 + 3 * 2 + 9U);
  EXPECT_EQ(padded_tokens({}, 2), 0U);
}

}  // namespace
}  // namespace embedtool
