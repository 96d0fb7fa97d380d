#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "core/data.hpp"

namespace embedtool {

/// Pieces as a double-array trie (Aoe 1989): all pieces that begin a text, in one walk with one
/// memory access per byte, which brings the piece's score as well. Immutable once built.
class PieceTrie {
 public:
  struct Piece {
    std::string_view text;
    double score = 0.0;  ///< finite
    TokenId id = 0;
  };

  /// `pieces` in any order; of equal ones the last counts. Empty ones are ignored.
  explicit PieceTrie(std::vector<Piece> pieces);

  /// Calls visit(bytes, score, place) for every piece that begins `text`, shortest first.
  template <typename Visit>
  void for_each_prefix(std::string_view text, Visit&& visit) const {
    std::uint32_t node = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
      const auto c = static_cast<unsigned char>(text[at]);
      const std::uint32_t child = units_[node].base + c;
      if (child >= units_.size()) return;
      const Unit& unit = units_[child];
      if (unit.parent != node) return;
      node = child;
      if (unit.score == unit.score) visit(at + 1, unit.score, static_cast<std::int32_t>(child));
    }
  }
  /// The piece that was visited at that place.
  TokenId id_at(std::int32_t place) const { return ids_[static_cast<std::size_t>(place)]; }

 private:
  static constexpr std::uint32_t kFree = 0xFFFFFFFFU;
  struct alignas(16) Unit {
    std::uint32_t base = 0;
    std::uint32_t parent = kFree;
    double score = std::numeric_limits<double>::quiet_NaN();  ///< NaN: no piece ends here
  };
  static_assert(sizeof(Unit) == 16);
  struct Node {
    std::uint32_t unit;
    std::size_t begin;  // pieces below it
    std::size_t end;
    std::size_t depth;
  };

  std::uint32_t place(const std::vector<unsigned char>& bytes);

  std::vector<Unit> units_;
  std::vector<TokenId> ids_;  ///< by unit
  std::uint32_t first_free_ = 1;
};

}  // namespace embedtool
