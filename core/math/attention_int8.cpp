// Attention in int8 on AVX-512, by intrinsics: Debian 12's Highway has no operation for products of
// int8 quadruples. The layout of the loops is that of attention.cpp.
//
// Queries and keys have one scale per token, after SageAttention (Zhang et al. 2024) with the mean
// of the keys removed, which the softmax does not notice and which takes out what all keys have in
// common. Weights have one scale for kShared keys of a row, so that a single large weight, as
// separators draw it, costs only its neighbours their resolution. Values have one scale per
// dimension, after their mean, which passes through weights that add up to one. The value of the
// key that draws the most weight is put right in the end: in trained models one token, often a
// separator, takes nearly all of it and gives next to nothing, and its rounding error would drown
// what the others give. All sums of products are exact.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/check.hpp"
#include "core/math/attention.hpp"

#if defined(__x86_64__)
#include "core/math/attention_int8_operands.hpp"

namespace embedtool {
namespace {

using namespace int8;

/// Query rows computed together, by kColumns vectors: 24 sums in registers.
constexpr std::size_t kRows = 6;
constexpr std::size_t kColumns = 4;
/// Keys whose scores are held at a time.
constexpr std::size_t kBlock = 512;
constexpr std::size_t kSharedVectors = kShared / kLanes;
/// Groups of rows that pass over the keys together and share a block while it is in L2.
constexpr std::size_t kTileGroups = 16;
/// The weight of the key with the largest score of its kShared.
constexpr std::uint8_t kTopWeight = 255;
constexpr float kHidden = -std::numeric_limits<float>::infinity();

/// kRows query rows on their way over the keys, block by block.
struct RowGroup {
  std::uint8_t* query;  ///< [kRows, quads, 4], + 128
  float* mixed;         ///< [kRows, width]: Σ weight · value, in units of value_scale
  float scale[kRows];   ///< multiplies a row's scores, log2(e) included
  float maxima[kRows];
  float sums[kRows];
  std::size_t top_key[kRows];  ///< the (first) key whose score is the row's maximum
  std::size_t first;
  std::size_t begin;  ///< keys that any of the rows sees, from a multiple of 16 on
  std::size_t end;
};

EMBEDTOOL_AVX512 inline __m512i broadcast(const std::uint8_t* x) {
  std::int32_t word;
  std::memcpy(&word, x, kQuad);
  return _mm512_set1_epi32(word);
}

/// scores[r][0 … 16 kCount) = query[r] · keys[column …), not scaled yet.
template <std::size_t kCount>
EMBEDTOOL_AVX512 inline void score_columns(const Layout& layout, const Head& h,
                                           const RowGroup& group, std::size_t column,
                                           float* scores) {
  __m512i sum[kRows][kCount];
#pragma GCC unroll 4
  for (std::size_t c = 0; c < kCount; ++c) {
    const __m512i shift = _mm512_loadu_si512(h.key_shift + column + c * kLanes);
#pragma GCC unroll 6
    for (std::size_t r = 0; r < kRows; ++r) sum[r][c] = shift;
  }
  const std::size_t strip = kLanes * kQuad * layout.quads;
  const std::int8_t* keys = h.keys + column * layout.quads * kQuad;
  for (std::size_t q = 0; q < layout.quads; ++q, keys += kLanes * kQuad) {
    __m512i k[kCount];
#pragma GCC unroll 4
    for (std::size_t c = 0; c < kCount; ++c) k[c] = _mm512_loadu_si512(keys + c * strip);
#pragma GCC unroll 6
    for (std::size_t r = 0; r < kRows; ++r) {
      const __m512i x = broadcast(group.query + (r * layout.quads + q) * kQuad);
#pragma GCC unroll 4
      for (std::size_t c = 0; c < kCount; ++c) sum[r][c] = _mm512_dpbusd_epi32(sum[r][c], x, k[c]);
    }
  }
#pragma GCC unroll 6
  for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (std::size_t c = 0; c < kCount; ++c) {
      _mm512_storeu_si512(scores + r * kBlock + c * kLanes, sum[r][c]);
    }
  }
}

EMBEDTOOL_AVX512 void score_block(const Layout& layout, const Head& h, const RowGroup& group,
                                  std::size_t block, std::size_t count, float* scores) {
  std::size_t j = 0;
  for (; j + kColumns * kLanes <= count; j += kColumns * kLanes) {
    score_columns<kColumns>(layout, h, group, block + j, scores + j);
  }
  for (; j < count; j += kLanes) score_columns<1>(layout, h, group, block + j, scores + j);
}

/// What the sums stand for.
EMBEDTOOL_AVX512 inline __m512 scaled(const float* sums, const float* key_scale) {
  return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_loadu_si512(sums)), _mm512_loadu_ps(key_scale));
}

/// Turns row r's sums into its scores (multiples of ln 2), with bias and with what it does not see
/// hidden, and hides the rest of the last group of keys.
EMBEDTOOL_AVX512 void settle_scores(const AttentionArgs& a, const Head& h, std::size_t head,
                                    const RowGroup& group, std::size_t r, std::size_t block,
                                    std::size_t count, float* scores) {
  const std::size_t row = std::min(group.first + r, a.length - 1);
  const __m512 factor = _mm512_set1_ps(group.scale[r]);
  for (std::size_t j = 0; j < count; j += kLanes) {
    __m512 score = _mm512_mul_ps(scaled(scores + j, h.key_scale + block + j), factor);
    if (a.bias != nullptr) {
      const float* bias = a.bias + head * a.bias_stride + block + j - row;
      score = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask_of(count - j), bias),
                              _mm512_set1_ps(kLog2E), score);
    }
    _mm512_storeu_ps(scores + j, score);
  }
  const KeySpan span = visible_keys(a, row);
  const std::size_t from = span.begin > block ? span.begin - block : 0;
  const std::size_t to = span.end > block ? std::min(span.end - block, count) : 0;
  for (std::size_t j = 0; j < std::min(from, count); ++j) scores[j] = kHidden;
  for (std::size_t j = to; j < round_up(count, kShared); ++j) scores[j] = kHidden;
}

/// 255 · 2^x for x ≤ 0, within a relative error of 1e-4, which is a fortieth of a step of the
/// weights; what rounds to no step comes out as 0.
EMBEDTOOL_AVX512 inline __m512 weight_of(__m512 x) {
  x = _mm512_max_ps(x, _mm512_set1_ps(-28.0F));
  const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 f = _mm512_sub_ps(x, whole);
  __m512 p = _mm512_set1_ps(255.0F * 0.0551716610789299F);
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(255.0F * 0.2426111251115799F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(255.0F * 0.6932609677314758F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(255.0F * 0.9999280571937561F));
  return _mm512_scalef_ps(p, whole);
}

/// 2^x for x ≤ 0 within a relative error of 1e-7: the polynomial of vector-inl.hpp. 0 for
/// -infinity.
EMBEDTOOL_AVX512 inline __m512 exact_exp2_of(__m512 x) {
  x = _mm512_max_ps(x, _mm512_set1_ps(-200.0F));
  const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 f = _mm512_sub_ps(x, whole);
  __m512 p = _mm512_set1_ps(0.00015353361959569156F);
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.0013398873852565885F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.00961843691766262F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.055503323674201965F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.24022647738456726F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.6931471824645996F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0F));
  return _mm512_scalef_ps(p, whole);
}

/// What each row's weights of kShared keys have in common; a lane per row.
struct alignas(64) SharedWeights {
  float top[kLanes];    ///< the largest score, a multiple of ln 2; -infinity if all are hidden
  float sum[kLanes];    ///< of the weights
  float scale[kLanes];  ///< what a weight of 1 stands for, beside the row's maximum
};

/// Turns row r's scores of kShared keys into weights, 255 for the largest. `settled`: the scores
/// need no key scale and no factor any more.
template <bool settled>
EMBEDTOOL_AVX512 inline void soften(const float* scores, const float* key_scale, float factor,
                                    std::size_t r, std::uint8_t* weights, SharedWeights& shared) {
  // The products are rounded before the largest is found and subtracted: however large they are,
  // the difference is at most 0, and 0 for the largest.
  const __m512 scale = _mm512_set1_ps(factor);
  __m512 score[kSharedVectors];
#pragma GCC unroll 8
  for (std::size_t v = 0; v < kSharedVectors; ++v) {
    score[v] = settled ? _mm512_loadu_ps(scores + v * kLanes)
                       : _mm512_mul_ps(scaled(scores + v * kLanes, key_scale + v * kLanes), scale);
  }
  const __m512 m01 =
      _mm512_max_ps(_mm512_max_ps(score[0], score[1]), _mm512_max_ps(score[2], score[3]));
  const __m512 m23 =
      _mm512_max_ps(_mm512_max_ps(score[4], score[5]), _mm512_max_ps(score[6], score[7]));
  const float top = _mm512_reduce_max_ps(_mm512_max_ps(m01, m23));
  // Where all are hidden there is nothing to subtract: every weight comes out as 0.
  const __m512 base = _mm512_set1_ps(top == kHidden ? 0.0F : top);
  __m512i sum = _mm512_setzero_si512();
#pragma GCC unroll 8
  for (std::size_t v = 0; v < kSharedVectors; ++v) {
    const __m512i w = _mm512_cvtps_epi32(weight_of(_mm512_sub_ps(score[v], base)));
    sum = _mm512_add_epi32(sum, w);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(weights + v * kLanes), _mm512_cvtepi32_epi8(w));
  }
  shared.top[r] = top;
  shared.sum[r] = static_cast<float>(_mm512_reduce_add_epi32(sum));
}

/// mixed[r][column …) += factor[r] · Σ_j weights[r][j] · values[first + j] over kShared keys.
template <std::size_t kCount>
EMBEDTOOL_AVX512 inline void mix_columns(const Layout& layout, const std::int8_t* values,
                                         const std::uint8_t* weights, const float* factor,
                                         float* mixed) {
  __m512i sum[kRows][kCount];
#pragma GCC unroll 6
  for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (std::size_t c = 0; c < kCount; ++c) sum[r][c] = _mm512_setzero_si512();
  }
  for (std::size_t j = 0; j < kShared; j += kQuad, values += layout.width * kQuad) {
    __m512i v[kCount];
#pragma GCC unroll 4
    for (std::size_t c = 0; c < kCount; ++c) v[c] = _mm512_loadu_si512(values + c * sizeof(v[c]));
#pragma GCC unroll 6
    for (std::size_t r = 0; r < kRows; ++r) {
      const __m512i w = broadcast(weights + r * kBlock + j);
#pragma GCC unroll 4
      for (std::size_t c = 0; c < kCount; ++c) sum[r][c] = _mm512_dpbusd_epi32(sum[r][c], w, v[c]);
    }
  }
  // By way of memory, as in panel_avx512.cpp: else g++ 12 keeps the sums there all along.
  alignas(64) std::int32_t raw[kRows][kCount][kLanes];
#pragma GCC unroll 6
  for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (std::size_t c = 0; c < kCount; ++c) _mm512_store_si512(raw[r][c], sum[r][c]);
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    const __m512 f = _mm512_set1_ps(factor[r]);
    for (std::size_t c = 0; c < kCount; ++c) {
      float* out = mixed + r * layout.width + c * kLanes;
      const __m512 products = _mm512_cvtepi32_ps(_mm512_load_si512(raw[r][c]));
      _mm512_storeu_ps(out, _mm512_fmadd_ps(products, f, _mm512_loadu_ps(out)));
    }
  }
}

EMBEDTOOL_AVX512 void mix_shared(const Layout& layout, const std::int8_t* values,
                                 const std::uint8_t* weights, const float* factor, float* mixed) {
  std::size_t column = 0;
  for (; column + kColumns * kLanes <= layout.width; column += kColumns * kLanes) {
    mix_columns<kColumns>(layout, values + column * kQuad, weights, factor, mixed + column);
  }
  for (; column + 2 * kLanes <= layout.width; column += 2 * kLanes) {
    mix_columns<2>(layout, values + column * kQuad, weights, factor, mixed + column);
  }
  for (; column < layout.width; column += kLanes) {
    mix_columns<1>(layout, values + column * kQuad, weights, factor, mixed + column);
  }
}

/// Where row r's largest score, `top`, is among `count` times kShared keys with these weights.
EMBEDTOOL_AVX512 inline std::size_t top_key_of(const SharedWeights* shared, std::size_t count,
                                               float top, std::size_t r,
                                               const std::uint8_t* weights) {
  std::size_t g = 0;
  while (g + 1 < count && shared[g].top[r] != top) ++g;
  const std::uint8_t* begin = weights + g * kShared;
  const std::uint8_t* found = std::find(begin, begin + kShared, kTopWeight);
  // None has it if the scores are not finite; then nor is the result.
  return g * kShared + (found == begin + kShared ? 0 : static_cast<std::size_t>(found - begin));
}

/// Raises the rows' maxima to those of a block, scales down what has been summed and mixed so far,
/// and fixes what the block's weights stand for. Adds their sums.
/// `weights` are those of `count` times kShared keys, the first of which is `block`.
EMBEDTOOL_AVX512 inline void raise_maxima(RowGroup& group, SharedWeights* shared, std::size_t count,
                                          std::size_t width, std::size_t block,
                                          const std::uint8_t* weights) {
  const __mmask16 rows = mask_of(kRows);
  const __m512 before = _mm512_maskz_loadu_ps(rows, group.maxima);
  __m512 top = before;
  for (std::size_t g = 0; g < count; ++g) {
    top = _mm512_max_ps(top, _mm512_maskz_load_ps(rows, shared[g].top));
  }
  // A row that has seen no key yet: 2^(-infinity - 0).
  const __m512 hidden = _mm512_set1_ps(kHidden);
  const __m512 base =
      _mm512_mask_blend_ps(_mm512_cmp_ps_mask(top, hidden, _CMP_EQ_OQ), top, _mm512_setzero_ps());
  const __m512 factor = exact_exp2_of(_mm512_sub_ps(before, base));
  __m512 sums = _mm512_mul_ps(_mm512_maskz_loadu_ps(rows, group.sums), factor);
  for (std::size_t g = 0; g < count; ++g) {
    const __m512 own = _mm512_maskz_load_ps(rows, shared[g].top);
    const __m512 scale = exact_exp2_of(_mm512_sub_ps(own, base));
    _mm512_store_ps(shared[g].scale, scale);
    sums = _mm512_fmadd_ps(scale, _mm512_maskz_load_ps(rows, shared[g].sum), sums);
  }
  _mm512_mask_storeu_ps(group.maxima, rows, top);
  _mm512_mask_storeu_ps(group.sums, rows, sums);
  const __mmask16 raised = _mm512_mask_cmp_ps_mask(rows, top, before, _CMP_GT_OQ);
  if (raised == 0) return;
  alignas(64) float factors[kLanes];
  _mm512_store_ps(factors, factor);
  for (std::size_t r = 0; r < kRows; ++r) {
    if ((raised >> r & 1U) != 0) {
      group.top_key[r] =
          block + top_key_of(shared, count, group.maxima[r], r, weights + r * kBlock);
    }
    for (std::size_t i = 0; i < width; i += kLanes) {
      float* mixed = group.mixed + r * width + i;
      _mm512_storeu_ps(mixed, _mm512_mul_ps(_mm512_loadu_ps(mixed), _mm512_set1_ps(factors[r])));
    }
  }
}

/// Hands out aligned parts of a piece of memory; without memory, it only counts.
class Parts {
 public:
  explicit Parts(std::byte* memory) : memory_(memory) {}
  std::size_t bytes() const { return bytes_; }
  template <typename T>
  T* take(std::size_t count) {
    std::byte* part = memory_ == nullptr ? nullptr : memory_ + bytes_;
    bytes_ += round_up(count * sizeof(T), kAlignment);
    return reinterpret_cast<T*>(part);
  }

 private:
  std::byte* memory_;
  std::size_t bytes_ = 0;
};

/// Everything that is in the scratch memory.
struct Work {
  Work(const Layout& sizes, Parts& parts)
      : layout(sizes),
        head{.keys = parts.take<std::int8_t>(layout.key_bytes()),
             .key_scale = parts.take<float>(layout.padded),
             .key_shift = parts.take<std::int32_t>(layout.padded),
             .values = parts.take<std::int8_t>(layout.value_bytes()),
             .key_mean = parts.take<float>(layout.width),
             .value_mean = parts.take<float>(layout.width),
             .value_scale = parts.take<float>(layout.width)},
        scores(parts.take<float>(kRows * kBlock)),
        weights(parts.take<std::uint8_t>(kRows * kBlock)) {
    for (RowGroup& group : tile) {
      group.query = parts.take<std::uint8_t>(kRows * layout.quads * kQuad);
      group.mixed = parts.take<float>(kRows * layout.width);
    }
  }

  Layout layout;
  Head head;
  float* scores;          ///< [kRows, kBlock]; sums of products at first
  std::uint8_t* weights;  ///< [kRows, kBlock]
  RowGroup tile[kTileGroups];
};

/// Takes `count` keys from `block` on into a group's rows.
EMBEDTOOL_AVX512 void attend_block(const AttentionArgs& a, const Work& w, std::size_t head,
                                   std::size_t block, std::size_t count, RowGroup& group) {
  score_block(w.layout, w.head, group, block, count, w.scores);
  const bool settled = count % kShared != 0 || a.bias != nullptr || has_hidden_keys(a);
  const std::size_t groups = round_up(count, kShared) / kShared;
  SharedWeights shared[kBlock / kShared];
  for (std::size_t r = 0; r < kRows; ++r) {
    float* scores = w.scores + r * kBlock;
    std::uint8_t* weights = w.weights + r * kBlock;
    if (settled) settle_scores(a, w.head, head, group, r, block, count, scores);
    for (std::size_t g = 0; g < groups; ++g) {
      const std::size_t j = g * kShared;
      if (settled) {
        soften<true>(scores + j, nullptr, 1.0F, r, weights + j, shared[g]);
      } else {
        soften<false>(scores + j, w.head.key_scale + block + j, group.scale[r], r, weights + j,
                      shared[g]);
      }
    }
  }
  raise_maxima(group, shared, groups, w.layout.width, block, w.weights);
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t j = g * kShared;
    mix_shared(w.layout, w.head.values + (block + j) * w.layout.width, w.weights + j,
               shared[g].scale, group.mixed);
  }
}

EMBEDTOOL_AVX512 void begin_rows(const AttentionArgs& a, const Layout& layout, std::size_t head,
                                 std::size_t first, RowGroup& group) {
  group.first = first;
  for (std::size_t r = 0; r < kRows; ++r) {
    const std::size_t row = std::min(first + r, a.length - 1);
    pack_query(a, a.query + row * a.stride + head * a.head_dim, layout.quads,
               group.query + r * layout.quads * kQuad, group.scale[r]);
    group.maxima[r] = kHidden;
    group.sums[r] = 0.0F;
    group.top_key[r] = 0;
  }
  std::memset(group.mixed, 0, kRows * layout.width * sizeof(float));
  const KeySpan last = visible_keys(a, std::min(first + kRows, a.length) - 1);
  group.begin = std::min(visible_keys(a, first).begin, last.begin) / kLanes * kLanes;
  group.end = last.end;
}

EMBEDTOOL_AVX512 void finish_rows(const AttentionArgs& a, const Work& w, std::size_t head,
                                  const RowGroup& group) {
  const std::size_t rows = std::min(kRows, a.length - group.first);
  for (std::size_t r = 0; r < rows; ++r) {
    float* out = a.out + (group.first + r) * a.out_stride + head * a.head_dim;
    const std::size_t key = group.top_key[r];
    const float* top_value = a.value + key * a.stride + head / (a.heads / a.kv_heads) * a.head_dim;
    const __m512 inverse = _mm512_set1_ps(1.0F / group.sums[r]);
    for (std::size_t i = 0; i < a.head_dim; i += kLanes) {
      const __m512 mixed = _mm512_loadu_ps(group.mixed + r * w.layout.width + i);
      const __m512 lost = _mm512_mul_ps(value_error(a, w.layout, w.head, top_value, key, i),
                                        _mm512_set1_ps(kTopWeight));
      const __m512 sum = _mm512_fmadd_ps(mixed, _mm512_loadu_ps(w.head.value_scale + i), lost);
      _mm512_mask_storeu_ps(out + i, mask_of(a.head_dim - i),
                            _mm512_fmadd_ps(sum, inverse, _mm512_loadu_ps(w.head.value_mean + i)));
    }
  }
}

/// One head: tiles of row groups pass over the keys together.
EMBEDTOOL_AVX512 void attend_head(const AttentionArgs& a, std::size_t head, Work& w) {
  RowGroup* tile = w.tile;
  for (std::size_t first = 0; first < a.length;) {
    std::size_t used = 0;
    std::size_t blocks = 0;
    for (; used < kTileGroups && first < a.length; ++used, first += kRows) {
      begin_rows(a, w.layout, head, first, tile[used]);
      blocks = std::max(blocks, round_up(tile[used].end - tile[used].begin, kBlock) / kBlock);
    }
    for (std::size_t b = 0; b < blocks; ++b) {
      for (std::size_t g = 0; g < used; ++g) {
        const std::size_t block = tile[g].begin + b * kBlock;
        if (block >= tile[g].end) continue;
        attend_block(a, w, head, block, std::min(kBlock, tile[g].end - block), tile[g]);
      }
    }
    for (std::size_t g = 0; g < used; ++g) finish_rows(a, w, head, tile[g]);
  }
}

}  // namespace

bool has_attention_int8() {
  return has_extension(IsaExtension::avx512_vnni);
}

std::size_t attention_int8_scratch_bytes(std::size_t length, std::size_t head_dim) {
  Parts counted(nullptr);
  const Work work(Layout(length, head_dim), counted);
  return counted.bytes();
}

void attention_int8(const AttentionArgs& args, std::byte* scratch) {
  check_attention(args, scratch);
  Parts parts(scratch);
  Work work(Layout(args.length, args.head_dim), parts);
  const std::size_t group = args.heads / args.kv_heads;
  for (std::size_t h = 0; h < args.heads; ++h) {
    if (h % group == 0) {  // heads of a group share their keys and values
      pack_keys(args, args.key + h / group * args.head_dim, work.layout, work.head);
      pack_values(args, args.value + h / group * args.head_dim, work.layout, work.head);
    }
    attend_head(args, h, work);
  }
}

}  // namespace embedtool

#else  // not x86-64

namespace embedtool {

bool has_attention_int8() {
  return false;
}

std::size_t attention_int8_scratch_bytes(std::size_t, std::size_t) {
  return 0;
}

void attention_int8(const AttentionArgs&, std::byte*) {}

}  // namespace embedtool
#endif
