#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace embedtool {

/// One unit of a double-array trie in the layout of Darts-clone (darts.h of sentencepiece). A node
/// is identified by its base: its child for byte c, if any, is unit base ^ c, labelled c; its
/// value, if it has one, is in unit base ^ 0.
struct DartsUnit {
  std::uint32_t bits = 0;

  bool has_label(std::uint32_t c) const { return (bits & 0x800000FFU) == c; }
  /// The base of the node to which this unit, at index `place`, leads.
  std::size_t base(std::size_t place) const {
    return place ^ std::size_t{(bits >> 10) << ((bits & 0x200U) >> 6)};
  }
  /// Whether that node has a value.
  bool has_leaf() const { return (bits >> 8 & 1U) != 0; }
  /// Of the unit that holds one.
  std::uint32_t value() const { return bits & 0x7FFFFFFFU; }
};

/// Checks a sentencepiece "precompiled charsmap": a double-array trie (Darts) from character
/// sequences to places in a pool of replacements, each ending in NUL. The library that walks it
/// trusts every offset, so a damaged or hostile one must be refused first. Returns the fault of
/// `blob`, or an empty string. Linear in the blob's size.
std::string charsmap_fault(std::string_view blob);

}  // namespace embedtool
