#include "core/model/row_shape.hpp"

#include <algorithm>

#include "core/base/error.hpp"

namespace embedtool {

RowShape row_shape(const HeadSpec& head, std::size_t hidden, std::size_t vocab_size) {
  if (head.sparse.kind != SparseKind::none) return {RowKind::sparse, vocab_size};
  if (head.pooling.empty()) throw Error(ExitCode::model, "the model's head names no pooling");
  const bool multi =
      std::find(head.pooling.begin(), head.pooling.end(), Pooling::none) != head.pooling.end();
  if (multi && head.pooling.size() > 1) {
    throw Error(ExitCode::usage,
                "pooling none (one vector per token) cannot be combined with others");
  }
  const std::size_t width =
      head.dense.empty() ? hidden * head.pooling.size() : head.dense.back().out;
  if (head.dims > width) {
    throw Error(ExitCode::usage, "--dims {}: the model's vectors have {} dimensions", head.dims,
                width);
  }
  return {multi ? RowKind::multi : RowKind::dense, head.dims == 0 ? width : head.dims};
}

}  // namespace embedtool
