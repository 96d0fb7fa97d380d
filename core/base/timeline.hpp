#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/check.hpp"
#include "core/base/stage.hpp"

namespace embedtool {

/// In which stages a thread was when, in slots of equal length: a run's picture, of the same size
/// whatever the run's length. A span that does not fit doubles the slots' length, by adding up
/// neighbours. Not thread-safe; read it when its thread has ended.
class Timeline {
 public:
  static constexpr std::size_t kSlots = 256;
  using Slot = std::array<std::uint64_t, kStageCount>;  ///< nanoseconds in each stage

  /// `origin_ns`: where slot 0 begins, by monotonic_ns(); shared by the threads of a run.
  explicit Timeline(std::uint64_t origin_ns, std::uint64_t slot_ns = 1'000'000)
      : origin_(origin_ns), slot_ns_(slot_ns) {}

  /// Adds [begin, end), nanoseconds by monotonic_ns(). What lies before the origin is left out.
  void add(Stage stage, std::uint64_t begin, std::uint64_t end);
  /// Doubles the slots' length until it is `slot_ns`, which is this one's times a power of two.
  void widen_to(std::uint64_t slot_ns);

  std::uint64_t origin() const { return origin_; }
  std::uint64_t slot_ns() const { return slot_ns_; }
  /// Slots up to the last that holds anything.
  std::size_t used() const { return used_; }
  const Slot& slot(std::size_t i) const {
    EMBEDTOOL_CHECK(i < kSlots);
    return slots_[i];
  }

 private:
  void double_slots();

  std::uint64_t origin_;
  std::uint64_t slot_ns_;
  std::size_t used_ = 0;
  std::vector<Slot> slots_ = std::vector<Slot>(kSlots);  ///< 35 kB: not for the stack
};

}  // namespace embedtool
