#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/flat_table.hpp"

namespace embedtool {

/// Ids seen so far, by 64-bit hashes: 8 bytes each at a load of at most a half, hence 16 to 32
/// bytes an id. Two different ids are taken for one with probability n²/2^65: below 10^-5 for 10
/// million. Not thread-safe.
class IdSet {
 public:
  /// `most`: how many are kept; 0 = any number.
  explicit IdSet(std::size_t most) : most_(most) {}

  /// Takes an id in; true when it was there before. When the set is full new ones are let go.
  bool insert(std::string_view id);
  /// True once an id has been let go.
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
