#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace embedtool {

/// One found row.
struct Match {
  std::uint64_t row = 0;
  float score = 0.0F;
};

/// The k best rows of each query by a score that the caller computes. Rows come in any order;
/// memory is k matches per query. Not thread-safe, but different queries may be offered to at once.
class BestMatches {
 public:
  BestMatches(std::size_t queries, std::size_t k);

  std::size_t queries() const { return heaps_.size(); }
  /// A row of a lower score, or a NaN, would not be kept.
  float floor(std::size_t query) const { return floors_[query]; }
  void offer(std::size_t query, const Match& match);
  /// The best matches of a query, best first; ties by row.
  std::vector<Match> matches(std::size_t query) const;

 private:
  std::size_t k_;
  std::vector<std::vector<Match>> heaps_;  ///< per query, the worst kept match at the front
  std::vector<float> floors_;              ///< per query
};

/// How a row is scored against a query. Rows and queries of several vectors are scored by MaxSim
/// (Khattab and Zaharia 2020): the sum, over the query's vectors, of the greatest dot product with
/// a vector of the row.
enum class Similarity : std::uint8_t { cosine, dot, max_sim };

/// Vectors of rows or queries: [count, dims] row-major, and whose they are.
struct VectorRows {
  std::span<const float> vectors;
  /// Row i has the vectors [i] to [i+1); empty: one each.
  std::span<const std::uint64_t> offsets = {};
};

/// The k best rows of each query, found by exact search over all rows: a matrix product of many
/// rows with many queries at a time, the queries shared out among threads. Rows are offered in any
/// order and any number of calls; memory is the queries, k matches for each, and a few MiB a
/// thread. A row's score does not depend on what is offered with it. Not thread-safe.
class TopK {
 public:
  /// `queries` are copied; offsets are for max_sim alone. A query without a direction or without
  /// vectors scores 0 with every row, and so does such a row. `threads` ≥ 1.
  TopK(const VectorRows& queries, std::size_t dims, std::size_t k,
       Similarity similarity = Similarity::cosine, std::size_t threads = 1);
  ~TopK();

  /// Offers rows first_row, first_row + 1, …. A row with a NaN is left out.
  void offer(const VectorRows& rows, std::uint64_t first_row);

  /// The best matches of a query, best first; ties by row.
  std::vector<Match> matches(std::size_t query) const { return best_.matches(query); }

 private:
  class Share;

  std::size_t dims_;
  Similarity similarity_;
  BestMatches best_;
  std::vector<std::unique_ptr<Share>> shares_;  ///< of the queries, one for a thread
  std::vector<float> scales_;                   ///< of the rows at hand
};

}  // namespace embedtool
