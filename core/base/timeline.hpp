#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/check.hpp"
#include "core/base/stage.hpp"

namespace embedtool {

/// Which stages a thread was in and when, in slots of equal length: a picture of a run that has the
/// same size for any length of run. If a span does not fit, the slot length is doubled by adding up
/// neighbours. Not thread-safe; read it when its thread has ended.
class Timeline {
 public:
  static constexpr std::size_t kSlots = 256;
  using Slot = std::array<std::uint64_t, kStageCount>;  ///< nanoseconds in each stage

  /// `origin_ns`: where slot 0 begins, by monotonic_ns(); shared by the threads of a run.
  explicit Timeline(std::uint64_t origin_ns, std::uint64_t slot_ns = 1'000'000)
      : origin_(origin_ns), slot_ns_(slot_ns) {}

  /// Adds [begin, end), nanoseconds by monotonic_ns(). Time before the origin is ignored.
  void add(Stage stage, std::uint64_t begin, std::uint64_t end);
  /// Doubles the slot length until it is `slot_ns`, a power-of-two multiple of the current one.
  void widen_to(std::uint64_t slot_ns);

  std::uint64_t origin() const { return origin_; }
  std::uint64_t slot_ns() const { return slot_ns_; }
  /// Number of slots up to the last non-empty one.
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
