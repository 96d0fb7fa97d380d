#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace embedtool {

/// A long list of names in little memory: a name that begins like the one before it is kept as what
/// differs (front coding). A million paths in folders take some 20 bytes each. Not thread-safe
/// while being filled; immutable, hence shareable, afterwards.
class PackedNames {
 public:
  void add(std::string_view name);
  std::size_t size() const { return size_; }
  /// Any bytes; `index` is below size(). Takes a handful of steps.
  std::string at(std::size_t index) const;
  /// Held in memory.
  std::size_t bytes() const { return data_.capacity() + starts_.capacity() * sizeof(starts_[0]); }

 private:
  void put_number(std::size_t number);
  std::size_t take_number(std::size_t& at) const;

  std::vector<std::uint64_t> starts_;  ///< of every 16th name, which is whole, in `data_`
  std::string data_;  ///< per name: length shared with the one before, length of the rest, the rest
  std::string last_;
  std::size_t size_ = 0;
};

}  // namespace embedtool
