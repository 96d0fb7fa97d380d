#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace embedtool {

/// An open-addressing hash table with linear probing, at most half full: one array of slots, and
/// mostly one cache line per look-up. A Slot is a small struct with `bool is_free() const`, true
/// for its default value. The caller provides the 64-bit hash, whose highest bits choose the place,
/// and the comparison. Nothing is ever erased. A const table is thread-safe.
template <typename Slot>
class FlatTable {
 public:
  /// Room for `entries`.
  explicit FlatTable(std::size_t entries = 0) { clear(entries); }

  /// Frees every slot and makes room for `entries`; keeps the memory it has.
  void clear(std::size_t entries) {
    slots_.assign(std::bit_ceil(std::max(2 * entries, kMinSlots)), Slot{});
    shift_ = 64 - std::countr_zero(slots_.size());
  }
  /// Makes room for `entries` and keeps those that are there; hash_of(slot) gives their hashes.
  template <typename HashOf>
  void reserve(std::size_t entries, HashOf&& hash_of) {
    if (has_room_for(entries)) return;
    FlatTable larger(entries);
    for (const Slot& slot : slots_) {
      if (slot.is_free()) continue;
      larger[larger.place(hash_of(slot), [](const Slot&) { return false; })] = slot;
    }
    *this = std::move(larger);
  }
  bool has_room_for(std::size_t entries) const { return 2 * entries <= slots_.size(); }

  /// The place of the slot for which same(slot) holds, or else the free place to put it. There must
  /// be room. `same` is called only for used slots.
  template <typename Same>
  std::size_t place(std::uint64_t hash, Same&& same) const {
    std::size_t at = hash >> shift_;
    while (!slots_[at].is_free() && !same(slots_[at])) at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  Slot& operator[](std::size_t place) { return slots_[place]; }
  const Slot& operator[](std::size_t place) const { return slots_[place]; }

  /// All of them, free ones included, in no order.
  std::span<const Slot> slots() const { return slots_; }
  /// Bytes held.
  std::size_t bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  static constexpr std::size_t kMinSlots = 16;

  std::vector<Slot> slots_;  ///< a power of two of them
  int shift_ = 0;
};

}  // namespace embedtool
