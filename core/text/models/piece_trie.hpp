#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/data.hpp"

namespace embedtool {

/// Pieces as a double-array trie (Aoe 1989): all pieces that begin a text, in one walk with one
/// memory access per byte and one per piece. Immutable once built.
class PieceTrie {
 public:
  static constexpr std::size_t kMaxPieces = (std::size_t{1} << 23U) - 1;

  struct Piece {
    std::string_view text;
    double score = 0.0;  ///< finite
    TokenId id = 0;
  };

  /// `pieces` in any order, at most kMaxPieces; of equal ones the last counts. Empty ones are
  /// ignored.
  explicit PieceTrie(std::vector<Piece> pieces);

  /// Calls visit(bytes, score, place) for every piece that begins `text`, shortest first.
  template <typename Visit>
  void for_each_prefix(std::string_view text, Visit&& visit) const {
    std::uint32_t base = units_[0].base;
    for (std::size_t at = 0; at < text.size(); ++at) {
      const auto c = static_cast<unsigned char>(text[at]);
      const Unit unit = units_[base + c];
      if (unit.label != label_of(c)) return;
      base = unit.base;
      if (unit.leaf != 0) {
        visit(at + 1, leaves_[unit.leaf].score, static_cast<std::int32_t>(unit.leaf));
      }
    }
  }
  /// The piece that was visited at that place.
  TokenId id_at(std::int32_t place) const { return leaves_[static_cast<std::size_t>(place)].id; }

 private:
  static constexpr unsigned kFree = 0;
  static constexpr unsigned label_of(unsigned char c) { return c + 1U; }

  /// No two nodes have the same base, so that a label tells whose child a unit is.
  struct Unit {
    std::uint32_t base = 0;
    std::uint32_t label : 9 = kFree;
    std::uint32_t leaf : 23 = 0;  ///< index; 0: no piece ends here
  };
  static_assert(sizeof(Unit) == 8);
  struct Leaf {
    double score;
    TokenId id;
  };
  struct Node {
    std::uint32_t unit;
    std::size_t begin;  // pieces below it
    std::size_t end;
    std::size_t depth;
  };
  class Frontier;

  void end_piece(Unit& unit, const Piece& piece);
  std::uint32_t place(const std::vector<unsigned char>& bytes);

  std::vector<Unit> units_;    ///< 256 from every base on
  std::vector<bool> is_base_;  ///< by unit; while the trie is built
  std::vector<Leaf> leaves_;   ///< the first is none
  std::uint32_t first_free_ = 1;
};

}  // namespace embedtool
