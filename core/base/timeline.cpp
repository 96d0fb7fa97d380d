#include "core/base/timeline.hpp"

#include <algorithm>

#include "core/base/check.hpp"

namespace embedtool {

void Timeline::add(Stage stage, std::uint64_t begin, std::uint64_t end) {
  begin = std::max(begin, origin_) - origin_;
  end = std::max(end, origin_) - origin_;
  if (end <= begin) return;
  while ((end - 1) / slot_ns_ >= kSlots) double_slots();
  const auto stage_index = static_cast<std::size_t>(stage);
  const std::size_t last = (end - 1) / slot_ns_;
  for (std::size_t i = begin / slot_ns_; i <= last; ++i) {
    const std::uint64_t slot_begin = i * slot_ns_;
    slots_[i][stage_index] += std::min(end, slot_begin + slot_ns_) - std::max(begin, slot_begin);
  }
  used_ = std::max(used_, last + 1);
}

void Timeline::double_slots() {
  for (std::size_t i = 0; i < kSlots / 2; ++i) {
    for (std::size_t s = 0; s < kStageCount; ++s) {
      slots_[i][s] = slots_[2 * i][s] + slots_[2 * i + 1][s];
    }
  }
  std::fill(slots_.begin() + kSlots / 2, slots_.end(), Slot{});
  slot_ns_ *= 2;
  used_ = (used_ + 1) / 2;
}

void Timeline::widen_to(std::uint64_t slot_ns) {
  while (slot_ns_ < slot_ns) double_slots();
  EMBEDTOOL_CHECK(slot_ns_ == slot_ns);
}

}  // namespace embedtool
