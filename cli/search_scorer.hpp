#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/model_setup.hpp"
#include "core/data.hpp"
#include "core/pipeline/search.hpp"
#include "formats/parquet/parquet_reader.hpp"

namespace embedtool {

/// Compares rows of an output with queries and keeps each query's best. Not thread-safe.
class RowScorer {
 public:
  virtual ~RowScorer() = default;
  /// The block's rows are the output's from `first_row` on. Of a sparse output, always the same
  /// block object.
  virtual void offer(const OutputBlock& block, std::uint64_t first_row) = 0;
  /// A query's best rows, best first.
  virtual std::vector<Match> matches(std::size_t query) const = 0;
};

struct SearchLimits {
  std::size_t k = 10;       ///< rows per query
  std::size_t threads = 1;  ///< that encode queries and compare
};

/// Encodes the queries. Vectors are compared by cosine or by what the model's authors say, rows of
/// several vectors by MaxSim, sparse rows by the sum of the products of weights.
std::unique_ptr<RowScorer> make_scorer(const ReadyModel& model, const OutputSpec& spec,
                                       const std::vector<std::string>& queries,
                                       const SearchLimits& limits);

}  // namespace embedtool
