#include "formats/corpus/id_set.hpp"

#include <utility>

#include "core/base/hash.hpp"

namespace embedtool {

void IdSet::grow() {
  FlatTable<Slot> larger(size_ + 1);
  for (const Slot& slot : table_.slots()) {
    if (!slot.is_free()) larger[larger.place(slot.hash, [](const Slot&) { return false; })] = slot;
  }
  table_ = std::move(larger);
}

bool IdSet::insert(std::string_view id) {
  std::uint64_t hash = hash128(id).low;
  if (hash == 0) hash = 1;  // 0 marks a free slot
  const bool full = most_ > 0 && size_ >= most_;
  if (!full && !table_.has_room_for(size_ + 1)) grow();
  Slot& slot = table_[table_.place(hash, [hash](const Slot& s) { return s.hash == hash; })];
  if (!slot.is_free()) return true;
  if (full) {
    overflowed_ = true;
    return false;
  }
  slot.hash = hash;
  ++size_;
  return false;
}

}  // namespace embedtool
