#include "core/pipeline/memory_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.hpp"
#include "core/math/gemm_backends.hpp"
#include "tests/support/memory_model.hpp"

namespace embedtool {
namespace {

using testing::fill_weights;
using testing::MemoryWeights;
using testing::small_bert;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
constexpr std::size_t kLine = 32 * kMiB;

class MemoryPlan : public ::testing::Test {
 protected:
  MemoryPlan() {
    const ModelSpec model = small_bert();
    fill_weights(model, weights_);
    encoder_ = std::make_unique<Encoder>(model, HeadSpec{}, weights_,
                                         select_gemm("reference", Compute::f32));
    spec_.dims = encoder_->dims();
    options_.threads = 4;
  }

  std::uint64_t need(const RunOptions& options, std::size_t line) const {
    return memory_need(options, line, *encoder_, spec_, kMiB).total();
  }

  MemoryWeights weights_;
  std::unique_ptr<Encoder> encoder_;
  OutputSpec spec_;
  RunOptions options_;
};

TEST_F(MemoryPlan, ChangesNothingWhereThereIsRoom) {
  RunOptions options = options_;
  std::size_t line = kLine;
  fit_memory(options, line, 1 << 16, *encoder_, spec_, kMiB, need(options_, kLine));
  EXPECT_EQ(line, kLine);
  EXPECT_EQ(options.batch.tokens, options_.batch.tokens);
  EXPECT_EQ(options.window.records, options_.window.records);
  EXPECT_EQ(options.threads, 4U);
}

TEST_F(MemoryPlan, FitsEveryLimitOrNamesTheLeast) {
  std::uint64_t least = 0;
  for (std::uint64_t limit = need(options_, kLine); least == 0; limit -= kMiB) {
    RunOptions options = options_;
    std::size_t line = kLine;
    try {
      const MemoryNeed fitted = fit_memory(options, line, 1 << 16, *encoder_, spec_, kMiB, limit);
      ASSERT_LE(fitted.total(), limit);
      ASSERT_EQ(fitted.total(), need(options, line));
      ASSERT_GE(options.batch.tokens, encoder_->max_tokens()) << "a text must fit a batch";
      ASSERT_GE(options.threads, 1U);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      const std::string message = error.what();
      constexpr std::string_view kWords = " needs at least ";
      least = std::stoull(message.substr(message.find(kWords) + kWords.size())) * kMiB;
      EXPECT_GT(least, limit);
    }
  }
  // The number is true: so much is enough, and a megabyte less is not.
  RunOptions options = options_;
  std::size_t line = kLine;
  EXPECT_NO_THROW(fit_memory(options, line, 1 << 16, *encoder_, spec_, kMiB, least));
  EXPECT_EQ(options.threads, 1U);
  EXPECT_THROW(fit_memory(options, line, 1 << 16, *encoder_, spec_, kMiB, least - kMiB), Error);
}

TEST_F(MemoryPlan, GivesUpWorkersBeforeWhatInputsUnpackTo) {
  options_.unpack_memory = 256 * kMiB;
  RunOptions options = options_;
  std::size_t line = kLine;
  const std::uint64_t limit = 300 * kMiB;
  EXPECT_LE(fit_memory(options, line, 1 << 16, *encoder_, spec_, kMiB, limit).total(), limit);
  EXPECT_EQ(options.threads, 1U);
  EXPECT_GE(options.unpack_memory, kLeastUnpack);
  EXPECT_GT(line, std::size_t{1} << 16);
}

TEST_F(MemoryPlan, KeepsALineLimitThatWasAskedFor) {
  RunOptions options = options_;
  std::size_t line = kLine;
  EXPECT_THROW(fit_memory(options, line, kLine, *encoder_, spec_, kMiB, 100 * kMiB), Error);
  EXPECT_EQ(line, kLine);
}

}  // namespace
}  // namespace embedtool
