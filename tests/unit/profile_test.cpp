// Clocks, timelines, series and what the kernel tells: the account's instruments.
#include "core/base/profile.hpp"

#include <gtest/gtest.h>

#include "core/base/perf_counters.hpp"
#include "core/base/pressure.hpp"
#include "core/base/run_series.hpp"
#include "core/base/stage_groups.hpp"

namespace embedtool {
namespace {

std::uint64_t wall(const StageTable& stages) {
  std::uint64_t sum = 0;
  for (const StageTotals& stage : stages) sum += stage.wall_ns;
  return sum;
}

std::uint64_t sum_of(const Timeline& timeline, Stage stage) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < timeline.used(); ++i) {
    sum += timeline.slot(i)[static_cast<std::size_t>(stage)];
  }
  return sum;
}

TEST(LogBuckets, EveryValueLiesInItsBucket) {
  for (std::uint64_t value : {0ULL, 1ULL, 7ULL, 8ULL, 15ULL, 16ULL, 17ULL, 255ULL, 256ULL, 1000ULL,
                              123456789ULL, 0xffffffffffULL}) {
    const std::size_t bucket = LogBuckets::of(value);
    EXPECT_LE(LogBuckets::begin(bucket), value);
    EXPECT_GT(LogBuckets::end(bucket), value);
    EXPECT_EQ(LogBuckets::begin(bucket + 1), LogBuckets::end(bucket));
  }
}

TEST(Timeline, LosesNothingWhenItsSlotsDouble) {
  Timeline timeline(1000, 10);
  std::uint64_t gemm = 0;
  for (std::uint64_t t = 0; t < 100'000; t += 7) {
    timeline.add(t % 2 == 0 ? Stage::gemm : Stage::read, 1000 + t, 1000 + t + 5);
    gemm += t % 2 == 0 ? 5 : 0;
  }
  EXPECT_EQ(sum_of(timeline, Stage::gemm), gemm);
  EXPECT_GE(timeline.slot_ns() * Timeline::kSlots, 100'000U);
  EXPECT_LE(timeline.slot_ns(), 640U);  // 100 000 / 256, up to the next of 10 · 2^k
  for (std::size_t i = 0; i < timeline.used(); ++i) {
    std::uint64_t slot = 0;
    for (const std::uint64_t ns : timeline.slot(i)) slot += ns;
    EXPECT_LE(slot, timeline.slot_ns());
  }
}

TEST(Timeline, SpansAreCutAtSlotsAndAtTheOrigin) {
  Timeline timeline(100, 10);
  timeline.add(Stage::write, 95, 125);
  ASSERT_EQ(timeline.used(), 3U);
  const auto write = static_cast<std::size_t>(Stage::write);
  EXPECT_EQ(timeline.slot(0)[write], 10U);
  EXPECT_EQ(timeline.slot(1)[write], 10U);
  EXPECT_EQ(timeline.slot(2)[write], 5U);
  timeline.widen_to(40);
  EXPECT_EQ(timeline.slot_ns(), 40U);
  EXPECT_EQ(timeline.slot(0)[write], 25U);
}

TEST(StageClock, StagesTimelineAndTraceTellTheSame) {
  TraceLane lane;
  const std::uint64_t begin = monotonic_ns();
  StageClock clock(Stage::other);
  clock.record(&lane);
  for (int i = 0; i < 50; ++i) {
    const StageScope scope(clock, Stage::tokenize);
    clock.enter(Stage::batch);
  }
  clock.stop();
  const std::uint64_t life = monotonic_ns() - begin;
  EXPECT_LE(wall(clock.totals()), life);
  std::uint64_t traced = 0;
  for (const TraceSpan& span : lane.spans) traced += span.end_ns - span.begin_ns;
  EXPECT_EQ(traced, wall(clock.totals()));
  for (const Stage stage : {Stage::other, Stage::tokenize, Stage::batch}) {
    EXPECT_EQ(sum_of(clock.timeline(), stage), clock.totals()[stage].wall_ns);
  }
}

// CPU time is not read at the end of every short span, and adds up all the same.
TEST(StageClock, StagesAddUpToTheThreadsCpuTime) {
  const std::uint64_t begin = thread_cpu_ns();
  StageClock clock(Stage::gemm);
  while (thread_cpu_ns() - begin < 20'000'000) {
    for (const Stage stage : {Stage::lookup, Stage::idle, Stage::gemm}) clock.enter(stage);
  }
  clock.enter(Stage::idle);
  clock.enter(Stage::other);  // idle spans are always measured
  const std::uint64_t life = thread_cpu_ns() - begin;
  std::uint64_t sum = 0;
  for (const StageTotals& stage : clock.totals()) sum += stage.cpu_ns;
  EXPECT_NEAR(static_cast<double>(sum), static_cast<double>(life), 1e6);
}

TEST(StageClock, ABatchIsTheSumOfItsStages) {
  StageClock clock(Stage::idle);
  clock.enter(Stage::gemm);  // before the batch: not part of it
  const std::uint64_t begin = monotonic_ns();
  clock.begin_batch(Stage::gemm);
  clock.enter(Stage::attention);
  clock.enter(Stage::gemm);
  clock.end_batch(Stage::idle);
  EXPECT_LE(clock.batch_wall_ns(), monotonic_ns() - begin);
  const StageTotals& attention = clock.totals()[Stage::attention];
  EXPECT_EQ(attention.per_batch.count(), 1U);
  EXPECT_GE(clock.batch_wall_ns(), attention.wall_ns);
  EXPECT_EQ(clock.totals()[Stage::idle].per_batch.count(), 0U);
}

TEST(TraceLane, IsBoundedAndSaysWhatItLeftOut) {
  TraceLane lane;
  for (std::size_t i = 0; i < TraceLane::kMost + 10; ++i)
    lane.add(TraceSpan{i, i + 1, Stage::gemm});
  EXPECT_EQ(lane.spans.size(), TraceLane::kMost);
  EXPECT_EQ(lane.dropped, 10U);
}

TEST(RunSeries, StaysSmallAndEvenlySpaced) {
  RunSeries series;
  const std::uint64_t tick = 1'000'000;
  for (std::uint64_t time = 0; time < 60'000 * tick; time += tick) {
    if (series.due(time)) series.add({time, time, 0, 0, 0});
  }
  const auto& samples = series.samples();
  ASSERT_LE(samples.size(), RunSeries::kMost);
  ASSERT_GE(samples.size(), RunSeries::kMost / 4);
  for (std::size_t i = 1; i < samples.size(); ++i) {
    const std::uint64_t gap = samples[i].time_ns - samples[i - 1].time_ns;
    EXPECT_GE(gap, series.period_ns() / 2);
    EXPECT_LE(gap, series.period_ns() * 2);
  }
}

TEST(PerfCounters, CountOrSayWhyNot) {
  const PerfCounters counters;
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) {
    sum += i;
    asm volatile("" : "+r"(sum));
  }
  const PerfCounts counts = counters.read();
  EXPECT_EQ(counts.why_not.empty(), counts.instructions && counts.cycles && counts.cache_misses);
  if (counts.instructions) {
    EXPECT_GT(*counts.instructions, 1'000'000U);
  }
}

TEST(Pressure, ReadsWhatTheKernelWrites) {
  EXPECT_EQ(memory_events_in("low 0\nhigh 12\nmax 3\noom 0\noom_kill 0\noom_group_kill 0\n"), 15U);
  EXPECT_EQ(memory_events_in(""), 0U);
  EXPECT_DOUBLE_EQ(stalled_percent_in("some avg10=12.50 avg60=1.00 avg300=0.00 total=17\n"
                                      "full avg10=90.00 avg60=0.00 avg300=0.00 total=3\n"),
                   12.5);
  EXPECT_DOUBLE_EQ(stalled_percent_in("nonsense"), 0);
  PressureGauge gauge;
  EXPECT_FALSE(gauge.is_tight(1));  // not a second has passed
}

// A stage that no group has would be missing from tables and pages.
TEST(StageGroups, EveryStageIsInOneGroup) {
  std::array<int, kStageCount> groups{};
  for (const StageGroup& group : kStageGroups) {
    ASSERT_LE(group.count, group.list.size());
    for (const Stage stage : group.stages()) ++groups[static_cast<std::size_t>(stage)];
  }
  for (std::size_t i = 0; i < kStageCount; ++i) {
    EXPECT_EQ(groups[i], 1) << name_of(static_cast<Stage>(i));
  }
}

}  // namespace
}  // namespace embedtool
