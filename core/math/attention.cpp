#include "core/math/attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/math/attention.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/math/vector-inl.hpp"

#ifndef EMBEDTOOL_ATTENTION_BLOCKING
#define EMBEDTOOL_ATTENTION_BLOCKING
namespace embedtool {
/// Keys whose scores are held at a time: 6 rows × 512 floats = 12 KiB, a quarter of L1.
inline constexpr std::size_t kKeyBlock = 512;
/// Lanes that rows are padded to: the widest vector of any target, so that the scratch layout
/// does not depend on the target.
inline constexpr std::size_t kLanePad = 16;
/// Query rows computed together.
inline constexpr std::size_t kQueryRows = 6;
}  // namespace embedtool
#endif

HWY_BEFORE_NAMESPACE();
namespace embedtool {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Accumulators of the two products: kQueryRows × kColumns vectors must fit the register file with
// room for operands (32 registers on AVX-512, 16 elsewhere).
#if HWY_TARGET <= HWY_AVX3
inline constexpr std::size_t kColumns = 4;
#else
inline constexpr std::size_t kColumns = 2;
#endif

/// One head's operands, packed.
struct Head {
  const float* query[kQueryRows];  ///< row pointers into the caller's query matrix
  const float* keys;               ///< [head_dim, padded_length]: keys transposed, zero-padded
  const float* values;             ///< [length, padded_dim], zero-padded columns
  std::size_t padded_length;
  std::size_t padded_dim;
  std::size_t head_dim;
  float scale;
};

/// scores[r][j .. j + kCount vectors) = scale · query[r] · keys[:, first + j ..)
template <std::size_t kCount>
HWY_INLINE void score_columns(const Head& h, std::size_t column, float* scores) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  V sum[kQueryRows][kCount];
  for (auto& row : sum) {
    for (V& s : row) s = hn::Zero(d);
  }
  const float* keys = h.keys + column;
  for (std::size_t i = 0; i < h.head_dim; ++i, keys += h.padded_length) {
    V k[kCount];
    for (std::size_t c = 0; c < kCount; ++c) k[c] = hn::LoadU(d, keys + c * lanes);
    for (std::size_t r = 0; r < kQueryRows; ++r) {
      const V q = hn::Set(d, h.query[r][i]);
      for (std::size_t c = 0; c < kCount; ++c) sum[r][c] = hn::MulAdd(q, k[c], sum[r][c]);
    }
  }
  const V scale = hn::Set(d, h.scale);
  for (std::size_t r = 0; r < kQueryRows; ++r) {
    for (std::size_t c = 0; c < kCount; ++c) {
      hn::StoreU(hn::Mul(sum[r][c], scale), d, scores + r * kKeyBlock + c * lanes);
    }
  }
}

/// Scores of the query rows against `count` keys from `first` on, whole vectors (the rest of the
/// last one meets zero-padded keys).
HWY_INLINE void score_block(const Head& h, std::size_t first, std::size_t count, float* scores) {
  const std::size_t lanes = hn::Lanes(D());
  std::size_t j = 0;
  for (; j + kColumns * lanes <= count; j += kColumns * lanes) {
    score_columns<kColumns>(h, first + j, scores + j);
  }
  for (; j < count; j += lanes) score_columns<1>(h, first + j, scores + j);
}

/// Turns one row's `count` scores into e^(score - max); updates the running maximum and sum and
/// returns the factor that what was accumulated before must be multiplied by.
HWY_INLINE float soften_row(float* scores, std::size_t count, float& running_max,
                            float& running_sum) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t padded = (count + lanes - 1) / lanes * lanes;
  for (std::size_t j = count; j < padded; ++j) scores[j] = -std::numeric_limits<float>::infinity();
  V top = hn::LoadU(d, scores);
  for (std::size_t j = lanes; j < padded; j += lanes) top = hn::Max(top, hn::LoadU(d, scores + j));
  const float block_max = hn::GetLane(hn::MaxOfLanes(d, top));
  const float new_max = std::max(running_max, block_max);
  const V m = hn::Set(d, new_max);
  V sum = hn::Zero(d);
  // e^-88 is the smallest normal float; what is below counts as nothing.
  const V least = hn::Set(d, -87.0F);
  for (std::size_t j = 0; j < padded; j += lanes) {
    const V x = hn::Sub(hn::LoadU(d, scores + j), m);
    const V e = hn::IfThenElseZero(hn::Ge(x, least), hn::Exp(d, hn::Max(x, least)));
    hn::StoreU(e, d, scores + j);
    sum = hn::Add(sum, e);
  }
  const float factor = running_max == new_max ? 1.0F : std::exp(running_max - new_max);
  running_sum = running_sum * factor + hn::GetLane(hn::SumOfLanes(d, sum));
  running_max = new_max;
  return factor;
}

/// out[r][column .. + kCount vectors) = factor[r] · out + Σ_j weights[r][j] · values[first + j]
template <std::size_t kCount>
HWY_INLINE void mix_columns(const Head& h, std::size_t first, std::size_t count,
                            const float* weights, const float* factor, std::size_t column,
                            float* out) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  V sum[kQueryRows][kCount];
  for (std::size_t r = 0; r < kQueryRows; ++r) {
    const V f = hn::Set(d, factor[r]);
    for (std::size_t c = 0; c < kCount; ++c) {
      sum[r][c] = hn::Mul(f, hn::LoadU(d, out + r * h.padded_dim + column + c * lanes));
    }
  }
  const float* values = h.values + first * h.padded_dim + column;
  for (std::size_t j = 0; j < count; ++j, values += h.padded_dim) {
    V v[kCount];
    for (std::size_t c = 0; c < kCount; ++c) v[c] = hn::LoadU(d, values + c * lanes);
    for (std::size_t r = 0; r < kQueryRows; ++r) {
      const V w = hn::Set(d, weights[r * kKeyBlock + j]);
      for (std::size_t c = 0; c < kCount; ++c) sum[r][c] = hn::MulAdd(w, v[c], sum[r][c]);
    }
  }
  for (std::size_t r = 0; r < kQueryRows; ++r) {
    for (std::size_t c = 0; c < kCount; ++c) {
      hn::StoreU(sum[r][c], d, out + r * h.padded_dim + column + c * lanes);
    }
  }
}

HWY_INLINE void mix_block(const Head& h, std::size_t first, std::size_t count, const float* weights,
                          const float* factor, float* out) {
  const std::size_t lanes = hn::Lanes(D());
  std::size_t column = 0;
  for (; column + kColumns * lanes <= h.padded_dim; column += kColumns * lanes) {
    mix_columns<kColumns>(h, first, count, weights, factor, column, out);
  }
  for (; column + 2 * lanes <= h.padded_dim; column += 2 * lanes) {
    mix_columns<2>(h, first, count, weights, factor, column, out);
  }
  for (; column < h.padded_dim; column += lanes) {
    mix_columns<1>(h, first, count, weights, factor, column, out);
  }
}

/// Packs one head: keys transposed to [head_dim, padded_length], values to [length, padded_dim].
HWY_INLINE void pack_head(const AttentionArgs& a, std::size_t head, std::size_t padded_length,
                          std::size_t padded_dim, float* keys, float* values) {
  const float* key = a.key + head * a.head_dim;
  const float* value = a.value + head * a.head_dim;
  for (std::size_t i = 0; i < a.head_dim; ++i) {
    float* row = keys + i * padded_length;
    for (std::size_t j = 0; j < a.length; ++j) row[j] = key[j * a.stride + i];
    for (std::size_t j = a.length; j < padded_length; ++j) row[j] = 0.0F;
  }
  for (std::size_t j = 0; j < a.length; ++j) {
    float* row = values + j * padded_dim;
    std::copy_n(value + j * a.stride, a.head_dim, row);
    std::fill(row + a.head_dim, row + padded_dim, 0.0F);
  }
}

/// Attention of up to kQueryRows query rows of one head; `scores` and `mixed` are scratch.
HWY_INLINE void attend_rows(const Head& h, std::size_t length, float* scores, float* mixed,
                            float* sums) {
  float maxima[kQueryRows];
  float factors[kQueryRows];
  std::fill_n(maxima, kQueryRows, -std::numeric_limits<float>::infinity());
  std::fill_n(sums, kQueryRows, 0.0F);
  std::fill_n(mixed, kQueryRows * h.padded_dim, 0.0F);
  for (std::size_t first = 0; first < length; first += kKeyBlock) {
    const std::size_t count = std::min(kKeyBlock, length - first);
    score_block(h, first, count, scores);
    for (std::size_t r = 0; r < kQueryRows; ++r) {
      factors[r] = soften_row(scores + r * kKeyBlock, count, maxima[r], sums[r]);
    }
    mix_block(h, first, count, scores, factors, mixed);
  }
}

void AttentionKernel(const AttentionArgs& a, std::byte* scratch) {
  const std::size_t padded_length = (a.length + kLanePad - 1) / kLanePad * kLanePad;
  const std::size_t padded_dim = (a.head_dim + kLanePad - 1) / kLanePad * kLanePad;
  float* scores = reinterpret_cast<float*>(scratch);
  float* mixed = scores + kQueryRows * kKeyBlock;
  float* keys = mixed + kQueryRows * padded_dim;
  float* values = keys + padded_length * a.head_dim;
  for (std::size_t head = 0; head < a.heads; ++head) {
    pack_head(a, head, padded_length, padded_dim, keys, values);
    Head h{{}, keys, values, padded_length, padded_dim, a.head_dim, a.scale};
    for (std::size_t first = 0; first < a.length; first += kQueryRows) {
      // Behind the last row the last one is computed again: rows do not influence each other.
      for (std::size_t r = 0; r < kQueryRows; ++r) {
        const std::size_t row = std::min(first + r, a.length - 1);
        h.query[r] = a.query + row * a.stride + head * a.head_dim;
      }
      float sums[kQueryRows];
      attend_rows(h, a.length, scores, mixed, sums);
      const std::size_t rows = std::min(kQueryRows, a.length - first);
      for (std::size_t r = 0; r < rows; ++r) {
        float* out = a.out + (first + r) * a.out_stride + head * a.head_dim;
        const float inverse = 1.0F / sums[r];
        const float* from = mixed + r * padded_dim;
        for (std::size_t i = 0; i < a.head_dim; ++i) out[i] = from[i] * inverse;
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace embedtool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embedtool {

HWY_EXPORT(AttentionKernel);

std::size_t attention_scratch_bytes(std::size_t length, std::size_t head_dim) {
  const std::size_t padded_length = round_up(length, kLanePad);
  const std::size_t padded_dim = round_up(head_dim, kLanePad);
  return sizeof(float) *
         (kQueryRows * (kKeyBlock + padded_dim) + padded_length * head_dim + length * padded_dim);
}

void attention(const AttentionArgs& args, std::byte* scratch) {
  HWY_DYNAMIC_DISPATCH(AttentionKernel)(args, scratch);
}

}  // namespace embedtool
#endif  // HWY_ONCE
