#include "core/text/normalize/charsmap.hpp"

#include <algorithm>
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
  bool in_bounds(std::size_t base) const { return (base | 0xFFU) < size_; }
  std::size_t base_of(std::size_t unit) const { return read(unit).base(unit); }
  bool has_child(std::size_t base, std::uint32_t c) const { return read(base ^ c).has_label(c); }
  bool has_leaf(std::size_t unit) const { return read(unit).has_leaf(); }
  std::uint32_t value(std::size_t base) const { return read(base).value(); }

 private:
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
    std::uint32_t next = 1;  // child to look at
    int longest = 0;         // results below
  };
  static constexpr std::int8_t kOpen = -1;

  bool enter(std::size_t base) {
    if (!trie_.in_bounds(base)) return fail("an offset points outside it");
    results_[base] = kOpen;
    stack_.push_back({base});
    return true;
  }

  bool step() {
    Frame& frame = stack_.back();
    for (; frame.next < 256; ++frame.next) {
      if (!trie_.has_child(frame.base, frame.next)) continue;
      const std::size_t unit = frame.base ^ frame.next;
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
