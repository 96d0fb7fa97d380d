#pragma once

#include <algorithm>
#include <cstddef>

#include "core/math/attention.hpp"

namespace embedtool {

/// Keys [begin, end) that a query sees.
struct KeySpan {
  std::size_t begin;
  std::size_t end;
};

inline KeySpan visible_keys(const AttentionArgs& a, std::size_t row) {
  const std::size_t begin = row > a.left ? row - a.left : 0;
  const std::size_t end = a.length - row > a.right ? row + a.right + 1 : a.length;
  if (a.keys == 0) return {begin, end};
  // A query whose window holds no visible key sees all keys rather than none.
  return begin < a.keys ? KeySpan{begin, std::min(end, a.keys)} : KeySpan{0, a.keys};
}

/// Whether there are keys that some query does not see.
inline bool has_hidden_keys(const AttentionArgs& a) {
  return a.left != kUnlimitedSpan || a.right != kUnlimitedSpan || a.keys != 0;
}

}  // namespace embedtool
