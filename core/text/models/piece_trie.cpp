#include "core/text/models/piece_trie.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "core/base/check.hpp"

namespace embedtool {

/// Nodes whose children have no place yet, the likelier ones first: those that most texts pass
/// through shall lie close together. Exact to a power of two, which needs no sorting.
class PieceTrie::Frontier {
 public:
  explicit Frontier(const std::vector<Piece>& pieces) {
    double most = -std::numeric_limits<double>::infinity();
    for (const Piece& piece : pieces) most = std::max(most, piece.score);
    sums_.push_back(0.0);
    for (const Piece& piece : pieces) sums_.push_back(sums_.back() + std::exp(piece.score - most));
  }

  void put(const Node& node) {
    const double share = (sums_[node.end] - sums_[node.begin]) / sums_.back();
    const std::size_t rarity = share > 0.0 ? static_cast<std::size_t>(-std::ilogb(share)) : kTiers;
    // No tier before the one at hand, whose turn is over: a child is no likelier than its parent.
    tiers_[std::clamp(rarity, tier_, kTiers - 1)].push_back(node);
  }

  /// False if there is none.
  bool take(Node& node) {
    while (tier_ + 1 < kTiers && tiers_[tier_].empty()) ++tier_;
    if (tiers_[tier_].empty()) return false;
    node = tiers_[tier_].back();
    tiers_[tier_].pop_back();
    return true;
  }

 private:
  static constexpr std::size_t kTiers = 32;
  std::vector<double> sums_;  ///< [i]: likelihoods of the pieces before i, in units of the largest
  std::array<std::vector<Node>, kTiers> tiers_;
  std::size_t tier_ = 0;
};

PieceTrie::PieceTrie(std::vector<Piece> pieces) {
  std::erase_if(pieces, [](const Piece& piece) { return piece.text.empty(); });
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const Piece& a, const Piece& b) { return a.text < b.text; });
  EMBEDTOOL_CHECK(pieces.size() <= kMaxPieces);
  units_.resize(512);
  is_base_.resize(units_.size());
  leaves_.resize(1);
  Frontier open(pieces);
  open.put({0, 0, pieces.size(), 0});
  std::vector<unsigned char> bytes;
  for (Node node; open.take(node);) {
    while (node.begin < node.end && pieces[node.begin].text.size() == node.depth) {
      end_piece(units_[node.unit], pieces[node.begin++]);
    }
    if (node.begin == node.end) continue;
    const auto byte_at = [&](std::size_t i) {
      return static_cast<unsigned char>(pieces[i].text[node.depth]);
    };
    bytes.clear();
    for (std::size_t i = node.begin; i < node.end; ++i) {
      if (bytes.empty() || bytes.back() != byte_at(i)) bytes.push_back(byte_at(i));
    }
    const std::uint32_t base = place(bytes);
    units_[node.unit].base = base;
    for (std::size_t i = node.begin; i < node.end;) {
      const unsigned char c = byte_at(i);
      const std::size_t begin = i;
      while (i < node.end && byte_at(i) == c) ++i;
      units_[base + c].label = label_of(c) & 511U;
      open.put({base + c, begin, i, node.depth + 1});
    }
  }
  is_base_ = {};
}

// Of equal pieces the last one counts.
void PieceTrie::end_piece(Unit& unit, const Piece& piece) {
  if (unit.leaf == 0) {
    unit.leaf = static_cast<std::uint32_t>(leaves_.size()) & kMaxPieces;
    leaves_.emplace_back();
  }
  leaves_[unit.leaf] = {piece.score, piece.id};
}

// A base of its own such that all its children's units are free: the first from the lowest free
// unit on. Units before which nearly all is taken are not looked at again, which keeps building
// linear in practice. It is 1 at least: 0 is that of nodes without children.
std::uint32_t PieceTrie::place(const std::vector<unsigned char>& bytes) {
  while (first_free_ < units_.size() && units_[first_free_].label != kFree) ++first_free_;
  std::uint32_t taken = 0;
  const std::uint32_t start = std::max<std::uint32_t>(first_free_, bytes.front() + 1U);
  for (std::uint32_t unit = start;; ++unit) {
    const std::uint32_t base = unit - bytes.front();
    if (base + 256U >= units_.size()) {
      units_.resize(units_.size() * 2);
      is_base_.resize(units_.size());
    }
    if (units_[unit].label != kFree) {
      ++taken;
      continue;
    }
    const bool fits = !is_base_[base] &&
                      std::all_of(bytes.begin(), bytes.end(),
                                  [&](unsigned char c) { return units_[base + c].label == kFree; });
    if (!fits) {
      ++taken;
      continue;
    }
    if (taken > 64 && taken * 20 > (unit - start) * 19) first_free_ = unit;
    is_base_[base] = true;
    return base;
  }
}

}  // namespace embedtool
