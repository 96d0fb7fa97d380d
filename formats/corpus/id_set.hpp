#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/flat_table.hpp"

namespace embedtool {

/// Ids seen so far, by 64-bit hashes: 8 bytes each at a load of at most one half, hence 16 to 32
/// bytes per id. Any two different ids are confused with probability n²/2^65: below 10^-5 for 10
/// million. Not thread-safe.
class IdSet {
 public:
  /// `most`: how many are kept; 0 = no limit.
  explicit IdSet(std::size_t most) : most_(most) {}

  /// Adds an id; true if it was already there. When the set is full, new ids are dropped.
  bool insert(std::string_view id);
  /// True once an id has been dropped.
  bool overflowed() const { return overflowed_; }

 private:
  struct Slot {
    std::uint64_t hash = 0;

    bool is_free() const { return hash == 0; }
  };

  void grow();

  std::size_t most_;
  std::size_t size_ = 0;
  bool overflowed_ = false;
  FlatTable<Slot> table_;
};

}  // namespace embedtool
