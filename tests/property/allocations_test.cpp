// Promise 3: steady state allocates nothing per batch, from reading to the sink's door.
#include <gtest/gtest.h>

#include <random>

#include "core/math/gemm_backends.hpp"
#include "core/pipeline/run.hpp"
#include "tests/support/allocation_counter.hpp"
#include "tests/support/memory_model.hpp"

namespace embedtool {
namespace {

using testing::allocations;

constexpr std::size_t kWindowTexts = 150;

/// The same texts of all lengths again and again, in another order and with other ids in every
/// window, so that nothing is larger than what was met before.
class EndlessTexts final : public DocumentSource {
 public:
  explicit EndlessTexts(std::size_t windows) : windows_(windows) { counts_.reserve(windows + 1); }

  bool read(DocumentBlock& block, const BlockLimits&) override {
    counts_.push_back(allocations());
    block.clear();
    if (counts_.size() > windows_) return false;
    const auto shift = static_cast<TokenId>(counts_.size());
    for (std::size_t i = 0; i < kWindowTexts; ++i) {
      const std::size_t length = (i * 37 + counts_.size() * 11) % kWindowTexts;
      Record record;
      record.kind = RecordKind::token_ids;
      record.payload = {block.token_ids.size(), length};
      for (std::size_t t = 0; t < length; ++t) {
        block.token_ids.push_back((shift + static_cast<TokenId>(i + t)) % 211);
      }
      block.records.push_back(record);
    }
    return true;
  }
  SourceProgress progress() const override { return {}; }
  std::span<const std::string> file_names() const override { return names_; }

  /// Allocations since the middle of the run.
  std::size_t in_second_half() const { return counts_.back() - counts_[windows_ / 2]; }

 private:
  std::size_t windows_;
  std::vector<std::size_t> counts_;
  std::vector<std::string> names_{"memory"};
};

class CountingSink final : public EmbeddingSink {
 public:
  void write(const EmbeddingBlock& block) override { rows += block.rows.size(); }
  void finish() override {}
  std::uint64_t bytes_written() const override { return 0; }
  std::uint64_t bytes_raw() const override { return 0; }
  std::size_t rows = 0;
};

class Allocations : public ::testing::TestWithParam<Compute> {};

TEST_P(Allocations, SteadyStateHasNone) {
  const std::size_t before = allocations();
  ::operator delete(::operator new(1));  // no new-expression: that could be left out
  ASSERT_GT(allocations(), before) << "the counter does not count";

  const GemmBackend& backend = select_gemm("auto", GetParam());
  if (backend.name() == "reference") GTEST_SKIP() << "no kernels for this precision here";
  if (backend.name() == "onednn") GTEST_SKIP() << "oneDNN allocates in each of its calls";
  const ModelSpec spec = testing::small_bert();
  testing::MemoryWeights weights;
  testing::fill_weights(spec, weights);
  const Encoder encoder(spec, {}, weights, backend, GetParam());
  OutputSpec output;
  output.dims = encoder.dims();
  EndlessTexts source(24);
  CountingSink sink;
  testing::NoRejects rejects;
  RunOptions options;
  options.threads = 1;  // with more, the largest batch may meet a worker for the first time late
  options.batch = {16, 600};
  StageClock clock;
  run(source, nullptr, encoder, output, sink, rejects, options, clock);
  EXPECT_EQ(sink.rows, 24 * kWindowTexts);
  EXPECT_EQ(source.in_second_half(), 0U);
}

INSTANTIATE_TEST_SUITE_P(All, Allocations,
                         ::testing::Values(Compute::f32, Compute::bf16, Compute::int8),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace embedtool
