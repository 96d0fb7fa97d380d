// The tuner against machines made of formulas: no clock anywhere.
#include "core/pipeline/tuner.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

namespace embedtool {
namespace {

using Cost = std::function<double(const BatchLimits&)>;

constexpr BatchLimits kMost{256, 32768};

void play(Tuner& tuner, int windows, const Cost& cost) {
  for (int i = 0; i < windows; ++i) {
    const BatchLimits used = tuner.next();
    tuner.measured(used, cost(used));
  }
}

std::size_t count(const Tuner& tuner, TunerStep::Kind kind) {
  std::size_t n = 0;
  for (const TunerStep& step : tuner.history()) n += step.kind == kind ? 1 : 0;
  return n;
}

/// A valley around the best texts and tokens.
Cost valley(double texts, double tokens) {
  return [=](const BatchLimits& b) {
    return 1 + 0.1 * std::abs(std::log2(static_cast<double>(b.texts) / texts)) +
           0.1 * std::abs(std::log2(static_cast<double>(b.tokens) / tokens));
  };
}

TEST(Tuner, FindsTheBestOfTheGrid) {
  for (const auto& [texts, tokens] :
       {std::pair<std::size_t, std::size_t>{16, 2048}, {128, 16384}, {64, 8192}, {32, 16384}}) {
    Tuner tuner({64, 8192}, kMost);
    play(tuner, 400, valley(static_cast<double>(texts), static_cast<double>(tokens)));
    EXPECT_EQ(tuner.choice().texts, texts);
    EXPECT_EQ(tuner.choice().tokens, tokens);
    EXPECT_GE(count(tuner, TunerStep::Kind::settled), 1U);
  }
}

TEST(Tuner, NoiseAloneDoesNotMoveIt) {
  // A test at two standard errors errs now and then; it must not wander.
  std::size_t moves = 0;
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> noise(1.0, 0.05);
    Tuner tuner({64, 8192}, kMost);
    play(tuner, 100, [&](const BatchLimits&) { return noise(random); });
    moves += count(tuner, TunerStep::Kind::kept);
  }
  EXPECT_LE(moves, 20U);  // of some 80 trials that were decided
}

TEST(Tuner, FindsARealGainUnderNoise) {
  std::size_t found = 0;
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> noise(1.0, 0.03);
    Tuner tuner({64, 8192}, kMost);
    play(tuner, 300, [&](const BatchLimits& b) { return valley(16, 8192)(b) * noise(random); });
    found += tuner.choice().texts <= 32 ? 1 : 0;
  }
  EXPECT_GE(found, 18U);
}

TEST(Tuner, GainsBelowAPercentAreLeftAlone) {
  Tuner tuner({64, 8192}, kMost);
  play(tuner, 300, [](const BatchLimits& b) { return b.texts > 64 ? 0.995 : 1.0; });
  EXPECT_EQ(tuner.choice().texts, 64U);
}

TEST(Tuner, StaysWithinItsLimits) {
  const BatchLimits most{64, 4096};
  Tuner tuner({64, 4096}, most);
  for (int i = 0; i < 500; ++i) {
    const BatchLimits used = tuner.next();
    ASSERT_LE(used.texts, most.texts);
    ASSERT_LE(used.tokens, most.tokens);
    tuner.measured(used, 1.0 / static_cast<double>(used.texts * used.tokens));
  }
}

TEST(Tuner, BacksOffUnderPressureAndStaysBelow) {
  Tuner tuner({64, 8192}, kMost);
  play(tuner, 10, valley(128, 16384));
  tuner.relieve();
  const BatchLimits after = tuner.choice();
  EXPECT_EQ(after.tokens, 4096U);
  tuner.relieve();  // too early: the first has had no time to show
  EXPECT_EQ(tuner.choice().tokens, 4096U);
  for (int i = 0; i < 400; ++i) {
    const BatchLimits used = tuner.next();
    ASSERT_LE(used.tokens, 4096U);
    ASSERT_LE(used.texts, after.texts);
    tuner.measured(used, valley(128, 16384)(used));
  }
  EXPECT_EQ(count(tuner, TunerStep::Kind::backed_off), 1U);
}

TEST(Tuner, PressureEndsAtTheGridsFloor) {
  Tuner tuner({64, 8192}, kMost);
  for (int i = 0; i < 50; ++i) {
    play(tuner, 10, valley(64, 8192));
    tuner.relieve();
  }
  EXPECT_EQ(tuner.choice().texts, 8U);
  EXPECT_EQ(tuner.choice().tokens, 1024U);
  const std::size_t steps = count(tuner, TunerStep::Kind::backed_off);
  EXPECT_EQ(steps, 6U);  // 8192 → 1024 tokens, 64 → 8 texts
}

TEST(Tuner, CostsThatComeLateAreForgotten) {
  Tuner tuner({64, 8192}, kMost);
  for (int i = 0; i < 100; ++i) {
    tuner.next();
    tuner.measured({17, 999}, 1e-9);
    tuner.measured({64, 8192}, std::nan(""));
    tuner.measured({64, 8192}, 0);
  }
  EXPECT_TRUE(tuner.history().empty());
  EXPECT_EQ(tuner.choice().texts, 64U);
}

TEST(Tuner, HistoryIsBounded) {
  std::mt19937 random(1);
  std::lognormal_distribution<double> wild(0, 1);
  Tuner tuner({64, 8192}, kMost);
  play(tuner, 100'000, [&](const BatchLimits&) { return wild(random); });
  EXPECT_LE(tuner.history().size(), Tuner::kMostSteps);
}

}  // namespace
}  // namespace embedtool
