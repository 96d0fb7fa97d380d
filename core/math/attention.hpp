#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/base/memory.hpp"

namespace embedtool {

/// A span that covers every key.
inline constexpr std::size_t kUnlimitedSpan = SIZE_MAX;

/// Self-attention of one sequence, all heads (Vaswani et al. 2017, eq. 1):
/// out[i] = Σ_j softmax_j(scale · q_i k_j + bias[j - i]) v_j over the keys j that query i sees.
struct AttentionArgs {
  const float* query;  ///< [length, heads × head_dim], rows `stride` apart
  const float* key;    ///< [length, kv_heads × head_dim], likewise
  const float* value;  ///< likewise
  std::size_t stride;  ///< floats from one token's row to the next, of all three
  std::size_t length;
  std::size_t heads;
  std::size_t kv_heads;  ///< divides `heads`: head h reads key head h / (heads / kv_heads)
  std::size_t head_dim;
  float scale;  ///< multiplies the scores, usually 1/√head_dim
  float* out;   ///< [length, heads × head_dim], rows `out_stride` apart
  std::size_t out_stride;
  /// Query i sees the keys i - left … i + right. Causal attention has right = 0, a sliding window
  /// both limited.
  std::size_t left = kUnlimitedSpan;
  std::size_t right = kUnlimitedSpan;
  /// Keys that any query sees, from the first on; 0 = all. A query whose window holds none of them
  /// sees all of these.
  std::size_t keys = 0;
  /// Added to scores by distance: head h adds bias[h × bias_stride + (j - i)], so the pointer is at
  /// distance 0 of head 0, and distances up to ± (length - 1) must be valid. Null = none. Covers
  /// T5's and MPNet's relative positions and ALiBi.
  const float* bias = nullptr;
  std::size_t bias_stride = 0;
};

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

/// Bytes of scratch that attention() needs for sequences of up to `length` tokens: one head's keys
/// and values, packed. Linear in the length; the length × length matrix is never written.
std::size_t attention_scratch_bytes(std::size_t length, std::size_t head_dim);

/// Blocked attention with streaming softmax (Milakov and Gimelshein 2018): scores of a few query
/// rows against some hundred keys at a time stay in L1. `scratch` is aligned to kAlignment. A
/// sequence's result depends on the sequence alone. Thread-safe, allocation-free.
void attention(const AttentionArgs& args, std::byte* scratch);

/// Whether attention_int8() can be used: the CPU multiplies byte quadruples (has_quads()).
bool has_attention_int8();
/// Bytes of scratch that attention_int8() needs; linear in the length.
std::size_t attention_int8_scratch_bytes(std::size_t length, std::size_t head_dim);
/// The same as attention(), with both products in int8 and the softmax in f32. Only called where
/// has_attention_int8().
void attention_int8(const AttentionArgs& args, std::byte* scratch);

/// Checks the preconditions of both.
void check_attention(const AttentionArgs& args, const std::byte* scratch);

}  // namespace embedtool
