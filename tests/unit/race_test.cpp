#include "core/pipeline/race.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <vector>

namespace embedtool {
namespace {

/// Runs the race with candidates that cost what `cost(candidate, turn)` says, a second each; the
/// number of measurements.
std::size_t run(Race& race, const std::function<double(std::size_t, std::size_t)>& cost) {
  std::size_t turn = 0;
  for (auto next = race.next(); next; next = race.next()) {
    race.measured(*next, cost(*next, turn++), 1.0);
  }
  return turn;
}

TEST(Race, TakesTheCheapest) {
  Race race(3, 0, {.seconds = 100});
  run(race, [](std::size_t i, std::size_t) { return std::vector{1.0, 0.9, 0.8}[i]; });
  EXPECT_EQ(race.winner(), 2U);
  EXPECT_NEAR(race.standing(2).gain, 0.2, 1e-12);
  EXPECT_EQ(race.standing(2).noise, 0);
  EXPECT_EQ(race.standing(0).gain, 0);
}

TEST(Race, KeepsTheIncumbentWhereTheGainIsSmall) {
  Race race(2, 0, {.seconds = 100});
  run(race, [](std::size_t i, std::size_t) { return i == 0 ? 1.0 : 0.985; });
  EXPECT_EQ(race.winner(), 0U);
}

TEST(Race, KeepsTheIncumbentWithinNoise) {
  // Equal but for noise of 15 %: a change must be rarer than one in ten.
  std::mt19937 random(3);
  std::normal_distribution<double> noise(1.0, 0.15);
  int changes = 0;
  for (int trial = 0; trial < 200; ++trial) {
    Race race(2, 0, {.seconds = 18});
    run(race, [&](std::size_t, std::size_t) { return noise(random); });
    changes += race.winner() == 1 ? 1 : 0;
  }
  EXPECT_LT(changes, 30);
}

TEST(Race, FindsAGainBelowTheNoiseOfOneMeasurement) {
  std::mt19937 random(3);
  std::normal_distribution<double> noise(1.0, 0.05);
  int found = 0;
  for (int trial = 0; trial < 100; ++trial) {
    Race race(2, 0, {.seconds = 30});
    run(race, [&](std::size_t i, std::size_t) { return (i == 0 ? 1.0 : 0.85) * noise(random); });
    found += race.winner() == 1 ? 1 : 0;
  }
  EXPECT_GT(found, 95);
}

TEST(Race, AMachineThatSlowsDownFavoursNobody) {
  Race race(3, 0, {.seconds = 30});
  // Twice as slow at the end as at the beginning: candidates differ by less than that.
  run(race, [](std::size_t i, std::size_t turn) {
    return (1.0 + static_cast<double>(turn) / 30) * (i == 2 ? 0.9 : 1.0);
  });
  EXPECT_EQ(race.winner(), 2U);
  EXPECT_NEAR(race.standing(1).gain, 0, 0.05);
}

TEST(Race, OneOutlierDecidesNothing) {
  Race race(2, 0, {.seconds = 100});
  run(race, [](std::size_t i, std::size_t turn) { return i == 0 && turn < 2 ? 10.0 : 1.0; });
  EXPECT_EQ(race.winner(), 0U);
}

TEST(Race, WhoIsExcludedIsMeasuredButDoesNotWin) {
  Race race(3, 0, {.seconds = 100});
  race.exclude(1);
  run(race, [](std::size_t i, std::size_t) { return std::vector{1.0, 0.3, 0.9}[i]; });
  EXPECT_EQ(race.winner(), 2U);
  EXPECT_FALSE(race.standing(1).may_win);
  EXPECT_GT(race.standing(1).rounds, 3U);
}

TEST(Race, StaysWithinItsTime) {
  Race race(4, 0, {.seconds = 21});
  EXPECT_EQ(run(race, [](std::size_t, std::size_t) { return 1.0; }), 20U);
}

TEST(Race, WithoutTimeOneRoundIsRunAndNothingChanges) {
  Race race(3, 0, {.seconds = 0});
  EXPECT_EQ(run(race, [](std::size_t i, std::size_t) { return i == 0 ? 1.0 : 0.1; }), 3U);
  EXPECT_EQ(race.winner(), 0U);
}

TEST(Race, GivesUpTheHopelessAndEndsWhenNobodyIsLeft) {
  Race race(3, 0, {.seconds = 100});
  const std::size_t turns =
      run(race, [](std::size_t i, std::size_t) { return i == 0 ? 1.0 : 2.0; });
  EXPECT_EQ(turns, 9U);
  EXPECT_EQ(race.winner(), 0U);
  EXPECT_EQ(race.standing(1).rounds, 3U);
}

TEST(Race, EveryOtherRoundIsRunInReverse) {
  Race race(2, 0, {.seconds = 4});
  std::vector<std::size_t> turns;
  for (auto next = race.next(); next; next = race.next()) {
    turns.push_back(*next);
    race.measured(*next, 1.0, 1.0);
  }
  EXPECT_EQ(turns, (std::vector<std::size_t>{0, 1, 1, 0}));
}

}  // namespace
}  // namespace embedtool
