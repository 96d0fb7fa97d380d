#include "core/pipeline/window_ring.hpp"

namespace embedtool {

void WindowRing::begin(Slot& slot, Phase phase, std::size_t parts) {
  slot.phase = phase;
  slot.parts = parts;
  slot.next = 0;
  slot.pending = parts;
}

std::optional<std::size_t> WindowRing::slot_to_read() const {
  const std::size_t slot = read_ % slots_.size();
  if (slots_[slot].phase != Phase::empty) return std::nullopt;
  return slot;
}

bool WindowRing::read(std::size_t chunks) {
  Slot& slot = slots_[read_ % slots_.size()];
  ++read_;
  begin(slot, Phase::tokenizing, chunks);
  return chunks == 0;
}

std::optional<WindowRing::Task> WindowRing::take() {
  for (const Phase phase : {Phase::tokenizing, Phase::encoding}) {
    for (std::uint64_t window = written_; window < read_; ++window) {
      const std::size_t index = window % slots_.size();
      Slot& slot = slots_[index];
      if (slot.phase != phase || slot.next == slot.parts) continue;
      const Step step = phase == Phase::tokenizing ? Step::tokenize : Step::encode;
      return Task{index, step, slot.next++, window};
    }
  }
  return std::nullopt;
}

bool WindowRing::complete(const Task& task) {
  return --slots_[task.slot].pending == 0;
}

bool WindowRing::planned(std::size_t slot, std::size_t batches) {
  begin(slots_[slot], Phase::encoding, batches);
  return batches == 0;
}

void WindowRing::finished(std::size_t slot) {
  slots_[slot].phase = Phase::done;
}

std::optional<std::size_t> WindowRing::slot_to_write() const {
  const std::size_t slot = written_ % slots_.size();
  if (written_ == read_ || slots_[slot].phase != Phase::done) return std::nullopt;
  return slot;
}

void WindowRing::written() {
  slots_[written_++ % slots_.size()].phase = Phase::empty;
}

}  // namespace embedtool
