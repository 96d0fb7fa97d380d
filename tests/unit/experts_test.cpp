#include "core/model/experts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/base/error.hpp"
#include "core/math/gemm_backends.hpp"
#include "tests/support/memory_model.hpp"

namespace embedtool {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using testing::MemoryWeights;

std::vector<float> chosen(std::vector<float> logits, std::size_t count) {
  choose_experts(logits, count);
  return logits;
}

TEST(ChooseExperts, KeepsTheLargestOfTheSoftmaxAsTheyAre) {
  const float sum = 1.0F + std::exp(-1.0F) + std::exp(-3.0F);
  EXPECT_THAT(chosen({2.0F, 3.0F, 0.0F}, 2), ElementsAre(FloatNear(std::exp(-1.0F) / sum, 1e-6F),
                                                         FloatNear(1.0F / sum, 1e-6F), 0));
  EXPECT_THAT(chosen({2.0F, 3.0F, 0.0F}, 1), ElementsAre(0, FloatNear(1.0F / sum, 1e-6F), 0));
}

TEST(ChooseExperts, TakesTheFirstOfEqualOnes) {
  EXPECT_THAT(chosen({1.0F, 1.0F, 1.0F, 1.0F}, 2), ElementsAre(0.25F, 0.25F, 0, 0));
}

TEST(ChooseExperts, StandsLogitsOfAnySize) {
  EXPECT_THAT(chosen({1e30F, -1e30F}, 1), ElementsAre(1, 0));
  EXPECT_THAT(chosen({1e30F, -1e30F}, 2), ElementsAre(1, 0));
}

class ExpertsLayer : public ::testing::Test {
 protected:
  ExpertsLayer() {
    testing::add_experts(spec_, weights_);
    std::iota(states_.begin(), states_.end(), 0.0F);
    for (float& x : states_) x = std::sin(x);
  }

  double weight(const char* name, std::size_t row, std::size_t column) const {
    const auto* values = reinterpret_cast<const float*>(weights_.find(name)->bytes.data());
    return static_cast<double>(values[row * spec_.hidden + column]);
  }

  /// Element `out` of bias + Σ weight · expert(x), term by term.
  double expected(std::size_t row, std::size_t out) const {
    const float* x = states_.data() + row * spec_.hidden;
    std::vector<float> routing(spec_.experts.count);
    for (std::size_t e = 0; e < routing.size(); ++e) {
      routing[e] = static_cast<float>(product("layer.1.router.weight", e, x));
    }
    choose_experts(routing, spec_.experts.chosen);
    double sum = weight("layer.1.experts.bias", 0, out);
    for (std::size_t e = 0; e < routing.size(); ++e) {
      for (std::size_t f = 0; routing[e] > 0.0F && f < spec_.ffn; ++f) {
        const double up = product("layer.1.w1", e * spec_.ffn + f, x);
        const double gelu = 0.5 * up * (1.0 + std::erf(up / std::sqrt(2.0)));
        sum +=
            static_cast<double>(routing[e]) * gelu * weight("layer.1.w2", e * spec_.ffn + f, out);
      }
    }
    return sum;
  }

  double product(const char* name, std::size_t row, const float* x) const {
    double sum = 0;
    for (std::size_t i = 0; i < spec_.hidden; ++i) {
      sum += weight(name, row, i) * static_cast<double>(x[i]);
    }
    return sum;
  }

  Experts make() const {
    const GemmBackend& backend = select_gemm("reference", Compute::f32);
    return {spec_, Blocking(spec_, backend), 1, WeightReader(weights_, {}), {backend}};
  }

  static constexpr std::size_t kRows = 400;  // more than a chunk for each expert
  ModelSpec spec_ = testing::small_bert();
  MemoryWeights weights_;
  std::vector<float> states_ = std::vector<float>(kRows * spec_.hidden);
};

TEST_F(ExpertsLayer, AddsUpTheChosen) {
  const Experts experts = make();
  WorkspaceLayout layout;
  experts.lay_out(kRows, layout);
  layout.need(&Workspace::block, 128 * spec_.hidden);
  Workspace workspace;
  layout.reserve(workspace);
  StageClock clock;
  EncodeContext context{workspace, clock};
  const Matrix out = experts.apply(ConstMatrix(states_.data(), kRows, spec_.hidden), context);
  for (std::size_t row = 0; row < kRows; row += 7) {
    for (const std::size_t column : {std::size_t{0}, spec_.hidden - 1}) {
      EXPECT_NEAR(static_cast<double>(out(row, column)), expected(row, column), 1e-5) << row;
    }
  }
  const auto h = static_cast<double>(spec_.hidden);
  EXPECT_EQ(experts.flops(), 2 * 6 * h + 2 * (2 * 2 * 100 * h));
}

TEST_F(ExpertsLayer, NamesATensorThatDoesNotFit) {
  spec_.experts.count = 7;
  spec_.names.router = "layer.{}.other";
  weights_.add("layer.1.other.weight", {7, static_cast<std::int64_t>(spec_.hidden)}, 0.3F, 0.0F);
  try {
    make();
    FAIL() << "six experts were taken for seven";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::model);
    EXPECT_THAT(error.what(), HasSubstr("layer.1.w1 has shape [600, 60]"));
    EXPECT_THAT(error.what(), HasSubstr("[700, 60]"));
  }
}

}  // namespace
}  // namespace embedtool
