#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace embedtool::parquet {

/// The split-block Bloom filter of a column chunk's strings, by which readers pass over row groups
/// that do not have an id: one or two bytes a value, about 3 % false positives or fewer. Source:
/// BloomFilter.md of apache/parquet-format 2.11. Recycled; not thread-safe.
class BloomFilter {
 public:
  /// A filter is a whole number of such blocks, eight words of 32 bits.
  static constexpr std::size_t kBlockBytes = 32;

  /// Takes a value; equal ones count once.
  void add(std::string_view value);
  void clear() { hashes_.clear(); }

  /// The filter as it is stored, header included; empty without values.
  std::vector<std::byte> bytes();

 private:
  std::vector<std::uint64_t> hashes_;
};

}  // namespace embedtool::parquet
