#include "core/text/normalize/charsmap.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace embedtool {
namespace {

// The walk that normalizes text holds this many results on its stack.
constexpr int kMaxResults = 32;

std::uint32_t read_u32(const char* p) {
  std::uint32_t value = 0;
  std::memcpy(&value, p, sizeof value);  // the format is little-endian, as our machines are
  return value;
}

// The trie as a graph, whose nodes are bases.
class Trie {
 public:
  explicit Trie(std::string_view units) : units_(units), size_(units.size() / 4) {}

  std::size_t size() const { return size_; }
  bool in_bounds(std::size_t base) const { return (base | kInBlock) < size_; }
  std::size_t base_of(std::size_t unit) const { return read(unit).base(unit); }
  /// Appends the units of a node's children, all in its block of 256. Nearly none is one, so that
  /// they are sought without a branch, in vectors.
  void find_children(std::size_t base, std::vector<std::size_t>& out) const {
    const std::size_t block = base & ~kInBlock;
    std::array<std::uint8_t, kInBlock + 1> found;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto c = static_cast<std::uint32_t>(i ^ (base & kInBlock));
      found[i] = read(block + i).has_label(c) ? 1 : 0;
    }
    found[base & kInBlock] = 0;  // NUL is no child
    for (std::size_t i = 0; i < found.size(); i += 8) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, found.data() + i, sizeof eight);
      for (; eight != 0; eight &= eight - 1) {
        out.push_back(block + i + static_cast<std::size_t>(std::countr_zero(eight)) / 8);
      }
    }
  }
  bool has_leaf(std::size_t unit) const { return read(unit).has_leaf(); }
  std::uint32_t value(std::size_t base) const { return read(base).value(); }

 private:
  static constexpr std::size_t kInBlock = 0xFF;

  DartsUnit read(std::size_t unit) const { return {read_u32(units_.data() + unit * 4)}; }

  std::string_view units_;
  std::size_t size_;
};

// Depth first from the root, noting how many results the longest way down from a node gives.
class Walk {
 public:
  Walk(const Trie& trie, std::size_t pool) : trie_(trie), pool_(pool), results_(trie.size(), 0) {}

  std::string fault() {
    if (trie_.size() == 0) return "it is empty";
    if (!enter(trie_.base_of(0))) return fault_;
    while (!stack_.empty()) {
      if (!step()) return fault_;
    }
    return {};
  }

 private:
  struct Frame {
    std::size_t base;
    std::size_t first_child;  // in children_
    int longest = 0;          // results below
  };
  static constexpr std::int8_t kOpen = -1;

  bool enter(std::size_t base) {
    if (!trie_.in_bounds(base)) return fail("an offset points outside it");
    results_[base] = kOpen;
    stack_.push_back({base, children_.size()});
    trie_.find_children(base, children_);
    return true;
  }

  bool step() {
    Frame& frame = stack_.back();
    for (; children_.size() > frame.first_child; children_.pop_back()) {
      const std::size_t unit = children_.back();
      const std::size_t below = trie_.base_of(unit);
      if (!trie_.in_bounds(below)) return fail("an offset points outside it");
      if (results_[below] == kOpen) return fail("its trie has a cycle");
      if (results_[below] == 0) return enter(below);  // comes back to this child later
      if (trie_.has_leaf(unit) && trie_.value(below) >= pool_) {
        return fail("a replacement is outside its pool");
      }
      const int here = results_[below] - 1 + (trie_.has_leaf(unit) ? 1 : 0);
      frame.longest = std::max(frame.longest, here);
    }
    if (frame.longest > kMaxResults) return fail("too many sequences share a prefix");
    results_[frame.base] = static_cast<std::int8_t>(frame.longest + 1);
    stack_.pop_back();
    return true;
  }

  bool fail(const char* what) {
    fault_ = what;
    return false;
  }

  const Trie& trie_;
  std::size_t pool_;
  std::vector<std::int8_t> results_;  // by base: 0 not seen, kOpen, or results below + 1
  std::vector<Frame> stack_;
  std::vector<std::size_t> children_;  // not yet looked at, of every node on the stack
  std::string fault_;
};

}  // namespace

std::string charsmap_fault(std::string_view blob) {
  if (blob.empty()) return {};  // a model without rules
  if (blob.size() <= 4) return "it is truncated";
  const std::size_t trie_bytes = read_u32(blob.data());
  blob.remove_prefix(4);
  if (trie_bytes >= blob.size()) return "it is truncated";
  if (blob.back() != '\0') return "its last replacement is not terminated";
  const Trie trie(blob.substr(0, trie_bytes));
  return Walk(trie, blob.size() - trie_bytes).fault();
}

}  // namespace embedtool
