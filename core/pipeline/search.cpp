#include "core/pipeline/search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "core/base/check.hpp"
#include "core/base/memory.hpp"
#include "core/base/thread_group.hpp"
#include "core/math/gemm_backends.hpp"
#include "core/math/kernels.hpp"

namespace embedtool {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();

/// Orders matches from best to worst; as a heap's comparison it keeps the worst at the front.
bool better(const Match& a, const Match& b) {
  return a.score != b.score ? a.score > b.score : a.row < b.row;
}

/// 1 / |v|; 0 for a vector without a direction.
float inverse_norm(const float* vector, std::size_t dims) {
  const float norm = std::sqrt(sum_of_squares(vector, dims));
  return norm > 0.0F ? 1.0F / norm : std::isnan(norm) ? norm : 0.0F;
}

/// The products of vectors with a matrix that stays: [vectors, columns], a piece at a time.
class Products {
 public:
  /// `columns`: [columns, dims], copied.
  Products(std::span<const float> columns, std::size_t dims)
      : dims_(dims), columns_(columns.size() / dims) {
    constexpr std::size_t kPieceFloats = std::size_t{1} << 19U;  // 2 MiB, for the L2 cache
    constexpr std::size_t kMostVectors = 256;
    vectors_ = std::clamp<std::size_t>(kPieceFloats / columns_, 1, kMostVectors);
    const GemmBackend& backend = native_backend();
    EMBEDTOOL_CHECK(backend.row_block() == 1);
    layer_ = backend.make_linear({columns.data(), nullptr, dims, columns_});
    products_.reserve(vectors_ * columns_);
    scratch_.reserve(layer_->scratch_bytes());
  }

  std::size_t vectors_at_once() const { return vectors_; }
  /// Valid until the next call.
  std::span<const float> with(std::span<const float> vectors) {
    layer_->forward(vectors.data(), vectors.size() / dims_, products_.data(), scratch_.data());
    return {products_.data(), vectors.size() / dims_ * columns_};
  }

 private:
  std::size_t dims_;
  std::size_t columns_;
  std::size_t vectors_;
  std::unique_ptr<LinearLayer> layer_;
  Buffer<float> products_;
  Buffer<std::byte> scratch_;
};

}  // namespace

BestMatches::BestMatches(std::size_t queries, std::size_t k)
    : k_(k), heaps_(queries), floors_(queries, k == 0 ? -kLowest : kLowest) {
  for (std::vector<Match>& heap : heaps_) heap.reserve(k);
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
  if (heap.size() == k_) floors_[query] = heap.front().score;
}

std::vector<Match> BestMatches::matches(std::size_t query) const {
  std::vector<Match> out = heaps_[query];
  std::sort(out.begin(), out.end(), better);
  return out;
}

/// Consecutive queries, and what one thread needs to compare rows with them.
class TopK::Share {
 public:
  /// Queries from `first` on; `ends[i]` vectors belong to the first i + 1 of them.
  Share(std::size_t first, std::vector<std::size_t> ends, std::span<const float> vectors,
        std::size_t dims)
      : first_(first), ends_(std::move(ends)), dims_(dims) {
    if (!vectors.empty()) products_.emplace(vectors, dims);
    greatest_.assign(vectors.size() / dims, kLowest);
  }

  /// One vector for each row and query; the product is multiplied by the row's scale.
  void offer(const VectorRows& rows, std::span<const float> scales, std::uint64_t first_row,
             BestMatches& best) {
    each_product(rows.vectors, [&](std::size_t row, std::span<const float> products) {
      for (std::size_t i = 0; i < products.size(); ++i) {
        const float score = products[i] * scales[row];
        if (score >= best.floor(first_ + i)) best.offer(first_ + i, {first_row + row, score});
      }
    });
  }

  void offer_max_sim(const VectorRows& rows, std::span<const float> scales, std::uint64_t first_row,
                     BestMatches& best) {
    std::size_t row = 0;
    const auto end_rows = [&](std::size_t vectors) {
      for (; row + 1 < rows.offsets.size() && rows.offsets[row + 1] <= vectors; ++row) {
        const bool empty = rows.offsets[row] == rows.offsets[row + 1];
        if (!std::isnan(scales[row])) score_row(first_row + row, empty, best);
        std::fill(greatest_.begin(), greatest_.end(), kLowest);
      }
    };
    end_rows(0);
    each_product(rows.vectors, [&](std::size_t vector, std::span<const float> products) {
      for (std::size_t i = 0; i < products.size(); ++i) {
        greatest_[i] = std::max(greatest_[i], products[i]);
      }
      end_rows(vector + 1);
    });
    end_rows(rows.vectors.size() / dims_);  // where the queries have no vectors
  }

 private:
  template <typename Take>
  void each_product(std::span<const float> vectors, const Take& take) {
    if (!products_) return;
    const std::size_t columns = greatest_.size();
    const std::size_t piece = products_->vectors_at_once() * dims_;
    for (std::size_t at = 0; at < vectors.size(); at += piece) {
      const auto part = vectors.subspan(at, std::min(piece, vectors.size() - at));
      const std::span<const float> products = products_->with(part);
      for (std::size_t v = 0; v * dims_ < part.size(); ++v) {
        take(at / dims_ + v, products.subspan(v * columns, columns));
      }
    }
  }

  void score_row(std::uint64_t row, bool empty, BestMatches& best) const {
    std::size_t vector = 0;
    for (std::size_t q = 0; q < ends_.size(); ++q) {
      float score = 0.0F;
      for (; vector < ends_[q]; ++vector) score += empty ? 0.0F : greatest_[vector];
      if (score >= best.floor(first_ + q)) best.offer(first_ + q, {row, score});
    }
  }

  std::size_t first_;
  std::vector<std::size_t> ends_;  ///< by query
  std::size_t dims_;
  std::optional<Products> products_;
  std::vector<float> greatest_;  ///< of the row at hand, by the queries' vectors
};

TopK::TopK(const VectorRows& queries, std::size_t dims, std::size_t k, Similarity similarity,
           std::size_t threads)
    : dims_(dims),
      similarity_(similarity),
      best_(!queries.offsets.empty() ? queries.offsets.size() - 1
            : dims == 0              ? 0
                                     : queries.vectors.size() / dims,
            k) {
  EMBEDTOOL_CHECK(threads > 0 && (queries.offsets.empty() || similarity == Similarity::max_sim));
  std::vector<float> vectors(queries.vectors.begin(), queries.vectors.end());
  for (std::size_t v = 0; similarity == Similarity::cosine && v < best_.queries(); ++v) {
    scale(vectors.data() + v * dims, inverse_norm(vectors.data() + v * dims, dims), dims);
  }
  const auto end_of = [&](std::size_t query) {
    return queries.offsets.empty() ? query : static_cast<std::size_t>(queries.offsets[query]);
  };
  const std::size_t shares = std::min(threads, best_.queries());
  for (std::size_t s = 0; dims > 0 && s < shares; ++s) {
    const std::size_t first = best_.queries() * s / shares;
    const std::size_t last = best_.queries() * (s + 1) / shares;
    const std::size_t begin = end_of(first);
    std::vector<std::size_t> ends;
    for (std::size_t q = first; q < last; ++q) ends.push_back(end_of(q + 1) - begin);
    shares_.push_back(std::make_unique<Share>(
        first, std::move(ends),
        std::span(vectors).subspan(begin * dims, (end_of(last) - begin) * dims), dims));
  }
}

TopK::~TopK() = default;

void TopK::offer(const VectorRows& rows, std::uint64_t first_row) {
  if (shares_.empty()) return;
  EMBEDTOOL_CHECK(rows.vectors.size() % dims_ == 0);
  const bool many = similarity_ == Similarity::max_sim;
  const std::size_t vectors = rows.vectors.size() / dims_;
  EMBEDTOOL_CHECK(!many || (!rows.offsets.empty() && rows.offsets.back() == vectors));
  // A NaN in a row makes its scale one, and that its scores.
  scales_.assign(many ? rows.offsets.size() - 1 : vectors, 1.0F);
  for (std::size_t row = 0; row < scales_.size(); ++row) {
    const std::size_t begin = many ? rows.offsets[row] : row;
    const std::size_t count = many ? rows.offsets[row + 1] - begin : 1;
    const float norm = inverse_norm(rows.vectors.data() + begin * dims_, count * dims_);
    if (similarity_ == Similarity::cosine || std::isnan(norm)) scales_[row] = norm;
  }
  ThreadGroup threads;
  const auto search = [&](Share& share) {
    if (many) {
      share.offer_max_sim(rows, scales_, first_row, best_);
    } else {
      share.offer(rows, scales_, first_row, best_);
    }
  };
  for (std::size_t s = 1; s < shares_.size(); ++s) {
    threads.start([&search, &share = *shares_[s]] { search(share); });
  }
  search(*shares_.front());
  threads.join();
}

}  // namespace embedtool
