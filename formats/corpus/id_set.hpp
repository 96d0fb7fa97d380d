#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/flat_table.hpp"

namespace embedtool {

/// Ids seen so far, by 64-bit hashes: 8 bytes each at a load of at most one half, hence 16 to 32
/// bytes per id. Any two different ids are confused with probability n²/2^65: below 10^-5 for 10
/// million. Numbers that were generated in ascending order are kept as ranges: nothing but a few
/// bytes where they follow each other. Not thread-safe.
class IdSet {
 public:
  /// `most`: how many are kept; 0 = no limit.
  explicit IdSet(std::size_t most) : most_(most) {}

  /// Adds an id; true if it was already there. When the set is full, new ids are dropped.
  bool insert(std::string_view id);
  /// Adds the id that the number's decimal digits are; true if it was already there. Numbers come
  /// in ascending order.
  bool insert_generated(std::uint64_t number);
  /// The same in short for the most usual case, in which nothing but generated numbers is there:
  /// true if the number has been added and was new; false if insert_generated() must be asked.
  bool continues(std::uint64_t number) {
    if (size_ > 0 || generated_.empty() || generated_.back().second != number) return false;
    ++generated_.back().second;
    return true;
  }
  /// True once an id has been dropped.
  bool overflowed() const { return overflowed_; }

 private:
  struct Slot {
    std::uint64_t hash = 0;

    bool is_free() const { return hash == 0; }
  };

  using Range = std::pair<std::uint64_t, std::uint64_t>;  ///< first, and one past the last

  bool was_generated(std::string_view id) const;
  bool holds(std::string_view id);

  std::size_t most_;
  std::size_t size_ = 0;
  bool overflowed_ = false;
  FlatTable<Slot> table_;
  std::vector<Range> generated_;  ///< ascending, apart from each other
};

}  // namespace embedtool
