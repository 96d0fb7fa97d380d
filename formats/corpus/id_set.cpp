#include "formats/corpus/id_set.hpp"

#include <utility>

#include "core/base/hash.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kFirstSlots = 1024;

/// The slot of a hash, or the free one where it belongs.
std::uint64_t& slot_of(std::vector<std::uint64_t>& slots, std::uint64_t hash) {
  const std::size_t mask = slots.size() - 1;
  std::size_t at = hash & mask;
  while (slots[at] != 0 && slots[at] != hash) at = (at + 1) & mask;
  return slots[at];
}

}  // namespace

void IdSet::grow() {
  const std::vector<std::uint64_t> old = std::exchange(
      slots_, std::vector<std::uint64_t>(slots_.empty() ? kFirstSlots : 2 * slots_.size()));
  for (const std::uint64_t hash : old) {
    if (hash != 0) slot_of(slots_, hash) = hash;
  }
}

bool IdSet::insert(std::string_view id) {
  std::uint64_t hash = hash128(id).low;
  if (hash == 0) hash = 1;  // 0 marks a free slot
  if (2 * (size_ + 1) > slots_.size() && (most_ == 0 || size_ < most_)) grow();
  std::uint64_t& slot = slot_of(slots_, hash);
  if (slot == hash) return true;
  if (most_ > 0 && size_ >= most_) {
    overflowed_ = true;
    return false;
  }
  slot = hash;
  ++size_;
  return false;
}

}  // namespace embedtool
