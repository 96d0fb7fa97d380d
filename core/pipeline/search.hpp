#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace embedtool {

/// One found row.
struct Match {
  std::uint64_t row = 0;
  float score = 0.0F;
};

/// The k best rows of each query by a score that the caller computes. Rows come in any order;
/// memory is k matches per query. Not thread-safe.
class BestMatches {
 public:
  BestMatches(std::size_t queries, std::size_t k);

  std::size_t queries() const { return heaps_.size(); }
  void offer(std::size_t query, const Match& match);
  /// The best matches of a query, best first; ties by row.
  std::vector<Match> matches(std::size_t query) const;

 private:
  std::size_t k_;
  std::vector<std::vector<Match>> heaps_;  ///< per query, the worst kept match at the front
};

/// How a row is scored against a query.
enum class Similarity : std::uint8_t { cosine, dot };

/// The k best rows by cosine similarity or by dot product, found by exact search over all rows.
/// Rows are offered in any order and any number of calls; memory is k matches per query. Not
/// thread-safe.
class TopK {
 public:
  /// `queries`: [count, dims] row-major, borrowed. Zero queries match with score 0.
  TopK(std::span<const float> queries, std::size_t dims, std::size_t k,
       Similarity similarity = Similarity::cosine);

  /// Offers rows first_row, first_row + 1, …: [n, dims] row-major. A row with a NaN is skipped.
  void offer(std::span<const float> rows, std::uint64_t first_row);

  /// The best matches of a query, best first; ties by row.
  std::vector<Match> matches(std::size_t query) const { return best_.matches(query); }

 private:
  std::span<const float> queries_;
  std::size_t dims_;
  std::size_t k_;
  Similarity similarity_;
  std::vector<float> query_norms_;
  BestMatches best_;
};

}  // namespace embedtool
