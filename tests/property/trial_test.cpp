// What `tune` measures with encodes what a run encodes: the same vectors, whatever the setup.
#include "core/pipeline/trial.hpp"
#include "core/math/gemm_backends.hpp"

#include <gtest/gtest.h>

#include <random>

#include "core/base/error.hpp"
#include "core/base/profile.hpp"
#include "tests/support/encode_vectors.hpp"
#include "tests/support/memory_model.hpp"

namespace embedtool {
namespace {

class TrialTest : public ::testing::Test {
 protected:
  TrialTest() {
    testing::fill_weights(spec_, weights_);
    std::mt19937 random(11);
    std::uniform_int_distribution<std::size_t> length(1, 60);
    std::uniform_int_distribution<TokenId> id(0, 210);
    for (int i = 0; i < 90; ++i) {
      std::vector<TokenId> ids(length(random));
      for (TokenId& token : ids) token = id(random);
      sample_.add(ids);
    }
  }

  Encoder encoder(HeadSpec head = {}) const {
    return {spec_, head, weights_, select_gemm("native", Compute::f32)};
  }

  /// Text by text.
  std::vector<float> expected(const Encoder& encoder) const {
    std::vector<float> out;
    for (std::size_t i = 0; i < sample_.size(); ++i) {
      const std::vector<float> vectors = testing::encode_vectors(encoder, sample_.text(i));
      out.insert(out.end(), vectors.begin(), vectors.end());
    }
    return out;
  }

  ModelSpec spec_ = testing::small_bert();
  testing::MemoryWeights weights_;
  TokenSample sample_;
};

TEST_F(TrialTest, VectorsInTheSamplesOrderWhateverTheSetup) {
  const Encoder encoder = this->encoder();
  const std::vector<float> want = expected(encoder);
  Trial trial(sample_);
  for (const std::size_t threads : {1U, 3U}) {
    for (const BatchLimits batch : {BatchLimits{1, 10}, {7, 100}, {64, 8192}}) {
      for (const bool ends_together : {false, true}) {
        std::vector<float> got;
        const TrialTimes times =
            trial.run(encoder, {sample_.size(), threads, batch, ends_together}, &got);
        EXPECT_EQ(got, want);
        EXPECT_GT(times.wall_seconds, 0);
        EXPECT_GT(times.cpu_seconds, 0);
      }
    }
  }
}

TEST_F(TrialTest, APartOfTheSample) {
  const Encoder encoder = this->encoder();
  std::vector<float> got;
  Trial(sample_).run(encoder, {10, 2, {4, 100}, false}, &got);
  std::vector<float> want = expected(encoder);
  want.resize(10 * encoder.dims());
  EXPECT_EQ(got, want);
}

TEST_F(TrialTest, AVectorForEveryToken) {
  HeadSpec head;
  head.pooling.assign(1, Pooling::none);  // not a list: g++ 14 takes its copy for an overflow
  const Encoder encoder = this->encoder(head);
  std::vector<float> got;
  Trial(sample_).run(encoder, {sample_.size(), 2, {16, 300}, false}, &got);
  EXPECT_EQ(got, expected(encoder));
}

TEST_F(TrialTest, FailsAsEncodingFails) {
  const Encoder encoder = this->encoder();
  TokenSample sample;
  sample.add(std::vector<TokenId>{1, 2, 999});  // beyond the vocabulary
  EXPECT_THROW(Trial(sample).run(encoder, {1, 2, {}, false}), Error);
}

}  // namespace
}  // namespace embedtool
