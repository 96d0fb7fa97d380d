#include "core/text/models/piece_trie.hpp"

#include <algorithm>
#include <utility>

namespace embedtool {

PieceTrie::PieceTrie(std::vector<Piece> pieces) {
  std::erase_if(pieces, [](const Piece& piece) { return piece.text.empty(); });
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const Piece& a, const Piece& b) { return a.text < b.text; });
  units_.resize(512);
  units_[0].parent = 0;  // the root, its own parent: no byte leads back to it, as bases are ≥ 1
  std::vector<Node> open{{0, 0, pieces.size(), 0}};
  std::vector<unsigned char> bytes;
  std::vector<std::pair<std::uint32_t, TokenId>> ends;
  while (!open.empty()) {
    Node node = open.back();
    open.pop_back();
    for (; node.begin < node.end && pieces[node.begin].text.size() == node.depth; ++node.begin) {
      units_[node.unit].score = pieces[node.begin].score;
      ends.emplace_back(node.unit, pieces[node.begin].id);
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
      units_[base + c].parent = node.unit;
      open.push_back({base + c, begin, i, node.depth + 1});
    }
  }
  ids_.resize(units_.size());
  for (const auto& [unit, id] : ends) ids_[unit] = id;
}

// A base such that all its children's units are free: the first from the lowest free unit on. Units
// before which nearly all is taken are not looked at again, which keeps building linear in
// practice.
std::uint32_t PieceTrie::place(const std::vector<unsigned char>& bytes) {
  while (first_free_ < units_.size() && units_[first_free_].parent != kFree) ++first_free_;
  std::uint32_t taken = 0;
  const std::uint32_t start = std::max<std::uint32_t>(first_free_, bytes.front() + 1U);
  for (std::uint32_t unit = start;; ++unit) {
    const std::uint32_t base = unit - bytes.front();
    if (base + 256U >= units_.size()) units_.resize(units_.size() * 2);
    if (units_[unit].parent != kFree) {
      ++taken;
      continue;
    }
    const bool fits = std::all_of(bytes.begin(), bytes.end(), [&](unsigned char c) {
      return units_[base + c].parent == kFree;
    });
    if (!fits) {
      ++taken;
      continue;
    }
    if (taken > 64 && taken * 20 > (unit - start) * 19) first_free_ = unit;
    return base;
  }
}

}  // namespace embedtool
