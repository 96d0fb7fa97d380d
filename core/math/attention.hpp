#pragma once

#include <cstddef>

#include "core/base/memory.hpp"

namespace embedtool {

/// Self-attention of one sequence, all heads (Vaswani et al. 2017, eq. 1).
struct AttentionArgs {
  const float* query;  ///< [length, heads × head_dim], rows `stride` apart
  const float* key;    ///< likewise
  const float* value;  ///< likewise
  std::size_t stride;  ///< floats from one token's row to the next, of all three
  std::size_t length;
  std::size_t heads;
  std::size_t head_dim;
  float scale;  ///< multiplies the scores, usually 1/√head_dim
  float* out;   ///< [length, heads × head_dim], rows `out_stride` apart
  std::size_t out_stride;
};

/// Bytes of scratch that attention() needs for sequences of up to `length` tokens: one head's keys
/// and values, packed. Linear in the length; the length × length matrix is never written.
std::size_t attention_scratch_bytes(std::size_t length, std::size_t head_dim);

/// Blocked attention with streaming softmax (Milakov and Gimelshein 2018): scores of a few query
/// rows against kKeyBlock keys at a time stay in L1. `scratch` is aligned to kAlignment. A
/// sequence's result depends on the sequence alone. Thread-safe, allocation-free.
void attention(const AttentionArgs& args, std::byte* scratch);

}  // namespace embedtool
