// The model of workspace bytes against the buffers that a run grows, and --batch-size auto.
#include "core/pipeline/batch_model.hpp"
#include "core/math/gemm_backends.hpp"

#include <gtest/gtest.h>

#include <random>

#include "core/base/profile.hpp"
#include "tests/support/memory_model.hpp"

namespace embedtool {
namespace {

std::vector<std::uint32_t> lengths(std::size_t count, std::uint32_t least, std::uint32_t most) {
  std::mt19937 random(5);
  std::uniform_int_distribution<std::uint32_t> length(least, most);
  std::vector<std::uint32_t> out(count);
  for (std::uint32_t& n : out) n = length(random);
  return out;
}

class BatchModel : public ::testing::Test {
 protected:
  BatchModel() { testing::fill_weights(spec_, weights_); }

  Encoder encoder(std::string_view backend = "auto") const {
    return {spec_, {}, weights_, select_gemm(backend, Compute::f32)};
  }

  ModelSpec spec_ = testing::small_bert();
  testing::MemoryWeights weights_;
};

TEST_F(BatchModel, PredictsTheBuffersOfEveryBackend) {
  for (const GemmBackend* backend : gemm_backends()) {
    if (!backend->unavailable(Compute::f32).empty()) continue;
    const Encoder encoder = this->encoder(backend->name());
    for (const auto& [least, most] :
         {std::pair<std::uint32_t, std::uint32_t>{1, 4}, {5, 60}, {1, 300}, {300, 300}}) {
      const auto texts = lengths(400, least, most);
      Plan plan;
      plan_batches(texts, {64, 2048}, 2, plan);
      Workspace workspace;
      RowBatch rows;
      StageClock clock;
      BatchBuilder builder;
      for (const PlannedBatch& planned : plan.batches) {
        builder.clear();
        for (std::uint32_t i = 0; i < planned.count; ++i) {
          const std::vector<TokenId> ids(texts[plan.order[planned.first + i]], 1);
          builder.append(ids);
        }
        encoder.encode(builder.batch(), workspace, clock, rows);
      }
      const auto measured = static_cast<double>(workspace.bytes() + rows.bytes());
      const auto predicted = static_cast<double>(worker_bytes(encoder, largest_batch(plan)));
      EXPECT_NEAR(predicted, measured, 0.1 * measured)
          << backend->name() << " " << least << "–" << most;
    }
  }
}

TEST_F(BatchModel, AutoStaysBetween64And128WhereMemoryAllows) {
  const Encoder encoder = this->encoder();
  for (const std::uint32_t most : {8U, 60U, 300U}) {
    const BatchChoice choice = choose_batch(lengths(4000, 1, most), encoder, 2, most_of_auto(), 0);
    EXPECT_GE(choice.start.texts, 64U);
    EXPECT_LE(choice.start.texts, 128U);
    EXPECT_GE(choice.most.texts, choice.start.texts);
    EXPECT_GE(choice.most.tokens, choice.start.tokens);
  }
}

TEST_F(BatchModel, AutoStaysWithinItsMemory) {
  const Encoder encoder = this->encoder();
  const auto texts = lengths(4000, 100, 300);
  const std::size_t workers = 2;
  const BatchChoice free = choose_batch(texts, encoder, workers, most_of_auto(), 0);
  Plan plan;
  plan_batches(texts, free.most, workers, plan);
  const std::size_t most = workers * worker_bytes(encoder, largest_batch(plan));
  const BatchChoice tight = choose_batch(texts, encoder, workers, most_of_auto(), most / 4);
  plan_batches(texts, tight.most, workers, plan);
  EXPECT_LE(workers * worker_bytes(encoder, largest_batch(plan)), most / 4);
  EXPECT_LT(tight.most.tokens, free.most.tokens);
  EXPECT_LE(tight.start.tokens, tight.most.tokens);
}

TEST_F(BatchModel, NoMemoryAtAllStillGivesABatch) {
  const BatchChoice choice = choose_batch(lengths(100, 1, 300), encoder(), 2, most_of_auto(), 1);
  EXPECT_EQ(choice.start.texts, 8U);
}

}  // namespace
}  // namespace embedtool
