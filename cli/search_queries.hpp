#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/model_setup.hpp"
#include "core/data.hpp"

namespace embedtool {

/// What the queries of a search became.
struct EncodedQueries {
  std::vector<float> vectors;        ///< [vectors, dims]; dense and multi
  std::vector<SparseEntry> weights;  ///< sparse: each query's, one query after another
  /// Of query i: vectors or weights [i] to [i+1).
  std::vector<std::uint64_t> offsets{0};
};

/// Encodes queries as encode does texts, with the model's prompt: by `threads` workers, in batches.
EncodedQueries encode_queries(const ReadyModel& model, const std::vector<std::string>& queries,
                              std::size_t threads);

}  // namespace embedtool
