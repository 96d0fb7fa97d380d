#include "core/pipeline/search.hpp"

#include <algorithm>
#include <cmath>

#include "core/base/check.hpp"
#include "core/math/kernels.hpp"

namespace embedtool {
namespace {

/// Orders matches from best to worst; as a heap's comparison it keeps the worst at the front.
bool better(const Match& a, const Match& b) {
  return a.score != b.score ? a.score > b.score : a.row < b.row;
}

}  // namespace

BestMatches::BestMatches(std::size_t queries, std::size_t k) : k_(k), heaps_(queries) {
  for (std::vector<Match>& heap : heaps_) heap.reserve(k);
}

TopK::TopK(std::span<const float> queries, std::size_t dims, std::size_t k, Similarity similarity)
    : queries_(queries),
      dims_(dims),
      k_(k),
      similarity_(similarity),
      best_(dims == 0 ? 0 : queries.size() / dims, k) {
  for (std::size_t q = 0; q < best_.queries(); ++q) {
    query_norms_.push_back(std::sqrt(sum_of_squares(queries.data() + q * dims, dims)));
  }
}

void TopK::offer(std::span<const float> rows, std::uint64_t first_row) {
  if (k_ == 0 || dims_ == 0) return;
  EMBEDTOOL_CHECK(rows.size() % dims_ == 0);
  for (std::size_t r = 0; r < rows.size() / dims_; ++r) {
    const float* row = rows.data() + r * dims_;
    const float norm = std::sqrt(sum_of_squares(row, dims_));
    if (std::isnan(norm)) continue;
    for (std::size_t q = 0; q < best_.queries(); ++q) {
      const float product = dot(queries_.data() + q * dims_, row, dims_);
      if (similarity_ == Similarity::dot) {
        best_.offer(q, {first_row + r, product});
        continue;
      }
      const float norms = norm * query_norms_[q];
      best_.offer(q, {first_row + r, norms > 0.0F ? product / norms : 0.0F});
    }
  }
}

void BestMatches::offer(std::size_t query, const Match& match) {
  EMBEDTOOL_CHECK(query < heaps_.size());
  if (k_ == 0) return;
  std::vector<Match>& heap = heaps_[query];
  if (heap.size() < k_) {
    heap.push_back(match);
    std::push_heap(heap.begin(), heap.end(), better);
  } else if (better(match, heap.front())) {
    std::pop_heap(heap.begin(), heap.end(), better);
    heap.back() = match;
    std::push_heap(heap.begin(), heap.end(), better);
  }
}

std::vector<Match> BestMatches::matches(std::size_t query) const {
  std::vector<Match> out = heaps_[query];
  std::sort(out.begin(), out.end(), better);
  return out;
}

}  // namespace embedtool
