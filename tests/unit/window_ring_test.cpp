// The order of a run's steps, without threads, models or files.
#include "core/pipeline/window_ring.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <vector>

namespace embedtool {
namespace {

using Step = WindowRing::Step;

void tokenize_all(WindowRing& ring, std::size_t slot, std::size_t batches) {
  while (const auto task = ring.take()) {
    ASSERT_EQ(task->step, Step::tokenize);
    if (ring.complete(*task)) break;
  }
  ring.planned(slot, batches);
}

TEST(WindowRing, AWindowGoesThroughItsSteps) {
  WindowRing ring(2);
  ASSERT_EQ(ring.slot_to_read(), 0U);
  EXPECT_FALSE(ring.read(2));
  const auto first = ring.take();
  const auto second = ring.take();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->part, 0U);
  EXPECT_EQ(second->part, 1U);
  EXPECT_FALSE(ring.take()) << "both parts are taken";
  EXPECT_FALSE(ring.complete(*second));
  EXPECT_TRUE(ring.complete(*first)) << "the last part of the step";
  EXPECT_FALSE(ring.planned(0, 1));
  const auto batch = ring.take();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->step, Step::encode);
  EXPECT_FALSE(ring.slot_to_write());
  EXPECT_TRUE(ring.complete(*batch));
  ring.finished(0);
  ASSERT_EQ(ring.slot_to_write(), 0U);
  ring.written();
  EXPECT_FALSE(ring.drained()) << "more input may come";
  ring.end_input();
  EXPECT_TRUE(ring.drained());
}

TEST(WindowRing, AnEmptyStepFallsToTheCaller) {
  WindowRing ring(1);
  EXPECT_TRUE(ring.read(0)) << "nothing to tokenize";
  EXPECT_TRUE(ring.planned(0, 0)) << "nothing to encode";
  EXPECT_FALSE(ring.take());
  ring.finished(0);
  EXPECT_EQ(ring.slot_to_write(), 0U);
}

TEST(WindowRing, TheReaderWaitsForASlot) {
  WindowRing ring(2);
  ring.read(1);
  ASSERT_EQ(ring.slot_to_read(), 1U);
  ring.read(1);
  EXPECT_FALSE(ring.slot_to_read());
  tokenize_all(ring, 0, 0);
  ring.finished(0);
  EXPECT_FALSE(ring.slot_to_read()) << "done, but not written";
  ring.written();
  EXPECT_EQ(ring.slot_to_read(), 0U);
}

TEST(WindowRing, TokenizingGoesBeforeEncodingAndEarlierBeforeLater) {
  WindowRing ring(3);
  ring.read(1);
  tokenize_all(ring, 0, 2);
  ring.read(1);
  ring.read(1);
  const auto next = ring.take();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->step, Step::tokenize);
  EXPECT_EQ(next->window, 1U);
  EXPECT_EQ(ring.take()->window, 2U);
  EXPECT_EQ(ring.take()->step, Step::encode);
}

TEST(WindowRing, WindowsAreWrittenInInputOrder) {
  WindowRing ring(2);
  ring.read(0);
  ring.read(0);
  ring.planned(0, 1);
  ring.planned(1, 0);
  ring.finished(1);
  EXPECT_FALSE(ring.slot_to_write()) << "the first window is not done";
  ring.complete(*ring.take());
  ring.finished(0);
  ASSERT_EQ(ring.slot_to_write(), 0U);
  ring.written();
  EXPECT_EQ(ring.slot_to_write(), 1U);
}

/// A thousand random schedules: every part is handed out once, windows leave in order, nothing
/// hangs, and never are more windows in flight than slots.
TEST(WindowRing, AnyScheduleHandsOutEveryPartOnce) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t n) { return random() % n; };
    const std::size_t slots = 1 + below(4);
    const std::uint64_t windows = below(9);
    WindowRing ring(slots);
    std::deque<WindowRing::Task> running;
    std::uint64_t handed_out = 0;
    std::uint64_t expected = 0;
    std::uint64_t written = 0;
    const auto plan = [&](std::size_t slot) {
      const std::size_t batches = below(4);
      expected += batches;
      if (ring.planned(slot, batches)) ring.finished(slot);
    };
    for (int step = 0; !ring.drained(); ++step) {
      ASSERT_LT(step, 10000) << "no progress, seed " << seed;
      ASSERT_LE(ring.windows_read() - ring.windows_written(), slots);
      switch (below(4)) {
        case 0:
          if (ring.windows_read() == windows) {
            ring.end_input();
          } else if (const auto slot = ring.slot_to_read()) {
            const std::size_t chunks = below(3);
            expected += chunks;
            if (ring.read(chunks)) plan(*slot);
          }
          break;
        case 1:
          if (const auto task = ring.take()) {
            running.push_back(*task);
            ++handed_out;
          }
          break;
        case 2:
          if (!running.empty()) {
            const auto at = running.begin() + static_cast<std::ptrdiff_t>(below(running.size()));
            const WindowRing::Task task = *at;
            running.erase(at);
            if (!ring.complete(task)) break;
            if (task.step == Step::tokenize) {
              plan(task.slot);
            } else {
              ring.finished(task.slot);
            }
          }
          break;
        default:
          if (const auto slot = ring.slot_to_write()) {
            ASSERT_EQ(*slot, written % slots);
            ring.written();
            ++written;
          }
      }
    }
    EXPECT_EQ(written, windows);
    EXPECT_EQ(handed_out, expected);
    EXPECT_TRUE(running.empty());
  }
}

}  // namespace
}  // namespace embedtool
