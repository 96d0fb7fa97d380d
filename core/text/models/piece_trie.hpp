#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/data.hpp"

namespace embedtool {

/// Pieces as a double-array trie (Aoe 1989): all pieces that begin a text, in one walk of a few
/// memory accesses per byte. Immutable once built.
class PieceTrie {
 public:
  /// `pieces` in any order; of equal ones the last counts. Empty ones are ignored.
  explicit PieceTrie(std::vector<std::pair<std::string_view, TokenId>> pieces);

  /// Calls visit(bytes, id) for every piece that begins `text`, shortest first.
  template <typename Visit>
  void for_each_prefix(std::string_view text, Visit&& visit) const {
    std::uint32_t node = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
      const auto c = static_cast<unsigned char>(text[at]);
      const std::uint32_t child = units_[node].base + c;
      if (child >= units_.size() || units_[child].parent != node) return;
      node = child;
      if (units_[node].id >= 0) visit(at + 1, units_[node].id);
    }
  }

 private:
  static constexpr std::uint32_t kFree = 0xFFFFFFFFU;
  struct Unit {
    std::uint32_t base = 0;
    std::uint32_t parent = kFree;
    TokenId id = -1;
  };
  using Entry = std::pair<std::string_view, TokenId>;
  struct Node {
    std::uint32_t unit;
    std::size_t begin;  // entries below it
    std::size_t end;
    std::size_t depth;
  };

  std::uint32_t place(const std::vector<unsigned char>& bytes);

  std::vector<Unit> units_;
  std::uint32_t first_free_ = 1;
};

}  // namespace embedtool
