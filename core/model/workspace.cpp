#include "core/model/workspace.hpp"

namespace embedtool {

std::size_t RowBatch::bytes() const {
  return vectors.bytes() + weights.capacity() * sizeof(SparseEntry) +
         offsets.capacity() * sizeof(std::uint64_t);
}

std::size_t Workspace::bytes() const {
  return states.bytes() + embedded.bytes() + normed.bytes() + qkv.bytes() + context.bytes() +
         block.bytes() + intermediate.bytes() + pooled.bytes() + projected.bytes() +
         residual.bytes() + gemm.bytes() + attention.bytes() +
         pending.capacity() * sizeof(SparsePending);
}

}  // namespace embedtool
