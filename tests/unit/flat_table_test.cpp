#include "core/base/flat_table.hpp"

#include <gtest/gtest.h>

#include <map>

namespace embedtool {
namespace {

struct Slot {
  int key = -1;
  int value = 0;

  bool is_free() const { return key < 0; }
};

/// Adds to the value of `key`, in a table and in the map that it must agree with.
class Counts {
 public:
  explicit Counts(std::size_t entries) : table_(entries) {}

  void add(int key, std::uint64_t hash) {
    const std::size_t at = table_.place(hash, [key](const Slot& slot) { return slot.key == key; });
    table_[at].key = key;
    ++table_[at].value;
    ++expected_[key];
  }
  void clear(std::size_t entries) {
    table_.clear(entries);
    expected_.clear();
  }
  const FlatTable<Slot>& table() const { return table_; }
  void expect_equal() const {
    std::map<int, int> found;
    for (const Slot& slot : table_.slots()) {
      if (!slot.is_free()) found[slot.key] = slot.value;
    }
    EXPECT_EQ(found, expected_);
  }

 private:
  FlatTable<Slot> table_;
  std::map<int, int> expected_;
};

TEST(FlatTable, FindsWhatWasPutIn) {
  Counts counts(1000);
  for (int round = 0; round < 3; ++round) {
    for (int key = 0; key < 1000; ++key) {
      counts.add(key, static_cast<std::uint64_t>(key) * 0x9E3779B97F4A7C15ULL);
    }
  }
  counts.expect_equal();
}

// Equal hashes, and places at the end of the array from which probing must wrap around.
TEST(FlatTable, SurvivesCollisions) {
  for (const std::uint64_t hash : {std::uint64_t{0}, UINT64_MAX}) {
    Counts counts(100);
    for (int key = 0; key < 100; ++key) counts.add(key, hash);
    for (int key = 0; key < 100; ++key) counts.add(key, hash);
    counts.expect_equal();
  }
}

TEST(FlatTable, ClearsWithoutGivingMemoryBack) {
  Counts counts(1000);
  for (int key = 0; key < 1000; ++key) counts.add(key, static_cast<std::uint64_t>(key) << 40U);
  const std::size_t bytes = counts.table().bytes();
  counts.clear(10);
  EXPECT_TRUE(counts.table().has_room_for(10));
  EXPECT_FALSE(counts.table().has_room_for(1000));
  counts.expect_equal();
  EXPECT_EQ(counts.table().bytes(), bytes);
  for (int key = 0; key < 10; ++key) counts.add(key, static_cast<std::uint64_t>(key) << 61U);
  counts.expect_equal();
}

TEST(FlatTable, AnEmptyOneFindsNothing) {
  const FlatTable<Slot> table;
  EXPECT_TRUE(table[table.place(UINT64_MAX, [](const Slot&) { return true; })].is_free());
}

}  // namespace
}  // namespace embedtool
