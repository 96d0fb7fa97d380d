// The order of a run's steps, without threads, models or files.
#include "core/pipeline/window_ring.hpp"

#include <gtest/gtest.h>

#include <random>
#include <utility>
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

/// A reader, workers and a writer whose turns come at random.
class Schedule {
 public:
  explicit Schedule(std::uint64_t seed)
      : random_(seed), slots_(1 + below(4)), windows_(below(9)), ring_(slots_) {}

  void run() {
    for (int turn = 0; !ring_.drained(); ++turn) {
      ASSERT_LT(turn, 10000) << "no progress";
      ASSERT_LE(ring_.windows_read() - ring_.windows_written(), slots_);
      const std::uint64_t who = below(4);
      if (who == 0) read();
      if (who == 1) take();
      if (who == 2) complete();
      if (who == 3) write();
    }
    EXPECT_EQ(written_, windows_);
    EXPECT_EQ(handed_out_, expected_);
    EXPECT_TRUE(running_.empty());
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  void read() {
    if (ring_.windows_read() == windows_) return ring_.end_input();
    const auto slot = ring_.slot_to_read();
    if (!slot) return;
    const std::size_t chunks = below(3);
    expected_ += chunks;
    if (ring_.read(chunks)) plan(*slot);
  }
  void take() {
    const auto task = ring_.take();
    if (!task) return;
    running_.push_back(*task);
    ++handed_out_;
  }
  void complete() {
    if (running_.empty()) return;
    std::swap(running_[below(running_.size())], running_.back());
    const WindowRing::Task task = running_.back();
    running_.pop_back();
    if (!ring_.complete(task)) return;
    if (task.step == Step::tokenize) return plan(task.slot);
    ring_.finished(task.slot);
  }
  void plan(std::size_t slot) {
    const std::size_t batches = below(4);
    expected_ += batches;
    if (ring_.planned(slot, batches)) ring_.finished(slot);
  }
  void write() {
    const auto slot = ring_.slot_to_write();
    if (!slot) return;
    EXPECT_EQ(*slot, written_ % slots_);
    ring_.written();
    ++written_;
  }

  std::mt19937_64 random_;
  std::size_t slots_;
  std::uint64_t windows_;
  WindowRing ring_;
  std::vector<WindowRing::Task> running_;
  std::uint64_t handed_out_ = 0;
  std::uint64_t expected_ = 0;
  std::uint64_t written_ = 0;
};

/// Every part is handed out once, windows leave in order, nothing hangs, and never are more windows
/// in flight than slots.
TEST(WindowRing, AnyScheduleHandsOutEveryPartOnce) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(seed);
    Schedule(seed).run();
  }
}

}  // namespace
}  // namespace embedtool
