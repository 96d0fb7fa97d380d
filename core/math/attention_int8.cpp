// Attention in int8, where the CPU multiplies byte quadruples. The layout of the loops is that of
// attention.cpp.
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
#include <cstring>
#include <iterator>
#include <limits>

#include "core/math/attention.hpp"
#include "core/math/attention_int8_work.hpp"
#include "core/math/kernels.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/math/attention_int8.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/math/attention_int8_operands-inl.hpp"
#include "core/math/vector-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace embedtool {
namespace HWY_NAMESPACE {
#if EMBEDTOOL_HAS_QUADS
EMBEDTOOL_BEFORE_QUADS
namespace int8 {

using U16 = hn::Repartition<std::uint16_t, F>;
using VU16 = hn::Vec<U16>;
using U8 = hn::Repartition<std::uint8_t, F>;

/// Vectors of columns computed together: 24 sums in registers of 32, or 12 of 16.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr std::size_t kColumns = 4;
#else
constexpr std::size_t kColumns = 2;
#endif
constexpr std::size_t kLanes = hn::MaxLanes(F());
constexpr std::size_t kSharedVectors = kShared / kLanes;
/// The weight of the key with the largest score of its kShared.
constexpr std::uint8_t kTopWeight = 255;
constexpr float kHidden = -std::numeric_limits<float>::infinity();

/// scores[r][0 … kCount vectors) = query[r] · keys[column …), without the factor of the row.
template <std::size_t kCount>
HWY_INLINE void score_columns(const Layout& layout, const Head& h, const RowGroup& group,
                              std::size_t column, float* scores) {
  const I32 d;
  VI sum[kRows][kCount];
  const std::int8_t* keys[kCount];
#pragma GCC unroll 4
  for (std::size_t c = 0; c < kCount; ++c) {
    const std::size_t key = column + c * kLanes;
    keys[c] = h.keys + layout.key_offset(key, 0);
    const VI shift = hn::LoadU(d, h.key_shift + key);
#pragma GCC unroll 6
    for (std::size_t r = 0; r < kRows; ++r) sum[r][c] = shift;
  }
  for (std::size_t q = 0; q < layout.quads; ++q) {
    VI k[kCount];
#pragma GCC unroll 4
    for (std::size_t c = 0; c < kCount; ++c) {
      const std::int8_t* quads = keys[c] + q * kStrip * kQuad;
      k[c] = hn::LoadU(d, reinterpret_cast<const std::int32_t*>(quads));
    }
#pragma GCC unroll 6
    for (std::size_t r = 0; r < kRows; ++r) {
      const VI x = broadcast_quad(group.query + (r * layout.quads + q) * kQuad);
#pragma GCC unroll 4
      for (std::size_t c = 0; c < kCount; ++c) sum[r][c] = add_quads(sum[r][c], x, k[c]);
    }
  }
#pragma GCC unroll 4
  for (std::size_t c = 0; c < kCount; ++c) {
    const VF scale = hn::LoadU(F(), h.key_scale + column + c * kLanes);
#pragma GCC unroll 6
    for (std::size_t r = 0; r < kRows; ++r) {
      const VF score = hn::Mul(hn::ConvertTo(F(), sum[r][c]), scale);
      hn::StoreU(score, F(), scores + r * kBlock + c * kLanes);
    }
  }
}

HWY_INLINE void score_block(const Layout& layout, const Head& h, const RowGroup& group,
                            std::size_t block, std::size_t count, float* scores) {
  std::size_t j = 0;
  for (; j + kColumns * kLanes <= count; j += kColumns * kLanes) {
    score_columns<kColumns>(layout, h, group, block + j, scores + j);
  }
  for (; j < count; j += kLanes) score_columns<1>(layout, h, group, block + j, scores + j);
}

/// Turns row r's scores into multiples of ln 2, with bias and with what it does not see hidden, and
/// hides the rest of the last group of keys.
HWY_INLINE void settle_scores(const AttentionArgs& a, std::size_t head, const RowGroup& group,
                              std::size_t r, std::size_t block, std::size_t count, float* scores) {
  const F d;
  const std::size_t row = std::min(group.first + r, a.length - 1);
  const VF factor = hn::Set(d, group.scale[r]);
  for (std::size_t j = 0; j < count; j += kLanes) {
    VF score = hn::Mul(hn::LoadU(d, scores + j), factor);
    if (a.bias != nullptr) {
      const float* bias = a.bias + head * a.bias_stride + block + j - row;
      score = hn::MulAdd(load_tail(bias, count - j), hn::Set(d, kLog2E), score);
    }
    hn::StoreU(score, d, scores + j);
  }
  const KeySpan span = visible_keys(a, row);
  const std::size_t from = span.begin > block ? span.begin - block : 0;
  const std::size_t to = span.end > block ? std::min(span.end - block, count) : 0;
  for (std::size_t j = 0; j < std::min(from, count); ++j) scores[j] = kHidden;
  for (std::size_t j = to; j < round_up(count, kShared); ++j) scores[j] = kHidden;
}

/// Binary digits after the point of a score's distance from the largest.
constexpr int kDigits = 10;
/// The largest distance that is told apart; from 9 on, a weight rounds to 0.
constexpr float kFarthest = 14.0F * (1 << kDigits);

/// How far a score is below the largest, as an integer of kDigits binary digits after the point in
/// the low half of each lane. `factor` makes multiples of 2^-kDigits ln 2 of scores.
HWY_INLINE VI distance(VF top, VF score, VF factor) {
  const F d;
  const VF digits = hn::MulAdd(hn::Sub(top, score), factor, hn::Set(d, kRound));
  return hn::BitCast(I32(), hn::Min(digits, hn::Set(d, kRound + kFarthest)));
}

/// x · 2^-n for n below 16, rounded down to a whole number; the last bit may be 0 instead.
HWY_INLINE VU16 scaled_down(VU16 x, VU16 n) {
#if HWY_TARGET == HWY_AVX2
  // There is no shift by lanes: 2^(15 - n) by looking up its bytes, of which one is 0.
  const U8 d8;
  HWY_ALIGN static constexpr std::uint8_t kPowers[16] = {128, 64, 32, 16, 8, 4, 2, 1};
  const auto place = hn::BitCast(d8, hn::Or(n, hn::ShiftLeft<8>(n)));
  const auto other = hn::BitCast(d8, hn::Set(U16(), 8));
  const auto power = hn::TableLookupBytes(hn::LoadDup128(d8, kPowers), hn::Xor(place, other));
  const VU16 half = hn::MulHigh(x, hn::BitCast(U16(), power));
  return hn::Add(half, half);
#else
  return hn::Shr(x, n);
#endif
}

/// 255 · 256 · 2^-x of distances, half of which are in each vector, within a relative error of
/// 2e-4, which is a twentieth of a step of the weights.
HWY_INLINE VU16 weights_of(VI first, VI second) {
  const U16 d;
  const VU16 x = hn::ConcatEven(d, hn::BitCast(d, second), hn::BitCast(d, first));
  // What is before the point is shifted out. 1 - 2^-f = f (c1 - f (c2 - f c3)).
  const VU16 f = hn::ShiftLeft<16 - kDigits>(x);
  VU16 p = hn::Sub(hn::Set(d, 15051), hn::MulHigh(f, hn::Set(d, 2555)));
  p = hn::Sub(hn::Set(d, 45136), hn::MulHigh(f, p));
  p = hn::Sub(hn::Set(d, kTopWeight << 8), hn::MulHigh(f, p));
  return scaled_down(p, hn::ShiftRight<kDigits>(x));
}

/// The largest score of kShared keys, lane by lane.
HWY_INLINE void find_most(const float* scores, float* most) {
  const F d;
  VF found = hn::LoadU(d, scores);
#pragma GCC unroll 16
  for (std::size_t v = 1; v < kSharedVectors; ++v) {
    found = hn::Max(found, hn::LoadU(d, scores + v * kLanes));
  }
  hn::StoreU(found, d, most);
}

/// Turns scores of kShared keys into weights, 255 for the largest score, which is `top`, and adds
/// them up lane by lane. `factor` makes multiples of ln 2 of scores.
HWY_INLINE void soften(const float* scores, float top, float factor, std::uint8_t* weights,
                       std::int32_t* sums) {
  const F d;
  const U8 d8;
  const VF base = hn::Set(d, top);
  const VF to_digits = hn::Set(d, factor * (1 << kDigits));
  const auto half = hn::Set(U16(), 128);
  const auto ones = hn::BitCast(I32(), hn::Set(d8, 1));
  VI sum = hn::Zero(I32());
#pragma GCC unroll 8
  for (std::size_t v = 0; v < kSharedVectors; v += 4, scores += 4 * kLanes) {
    VI far[4];
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i) {
      far[i] = distance(base, hn::LoadU(d, scores + i * kLanes), to_digits);
    }
    const auto low = hn::BitCast(d8, hn::Add(weights_of(far[0], far[1]), half));
    const auto high = hn::BitCast(d8, hn::Add(weights_of(far[2], far[3]), half));
    const auto w = hn::ConcatOdd(d8, high, low);
    hn::StoreU(w, d8, weights + v * kLanes);
    sum = add_quads(sum, hn::BitCast(I32(), w), ones);
  }
  hn::StoreU(sum, I32(), sums);
}

/// results[r] = what `combine` makes of the kLanes lanes of row r, for kRowLanes rows at once: of
/// one row alone, each step would wait for the one before.
template <typename T, typename Combine>
HWY_INLINE void reduce_rows(const T* rows, T* results, const Combine& combine) {
  const hn::Full128<T> d;
  const hn::Repartition<std::int64_t, hn::Full128<T>> pairs;
  const auto folded = [&](std::size_t row) {
    const T* lanes = rows + row * kLanes;
    auto found = hn::LoadU(d, lanes);
    for (std::size_t i = 4; i < kLanes; i += 4) found = combine(found, hn::LoadU(d, lanes + i));
    return found;
  };
  const auto two = [&](std::size_t row) {
    const auto a = folded(row);
    const auto b = folded(row + 1);
    return hn::BitCast(pairs, combine(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b)));
  };
  for (std::size_t row = 0; row < kRowLanes; row += 4) {
    const auto a = two(row);
    const auto b = two(row + 2);
    const auto four = combine(hn::BitCast(d, hn::InterleaveLower(pairs, a, b)),
                              hn::BitCast(d, hn::InterleaveUpper(pairs, a, b)));
    hn::StoreU(four, d, results + row);
  }
}

/// What a group's rows give to kShared keys: turns `scores` into `weights`, both kBlock a row
/// apart. `factors` make multiples of ln 2 of the rows' scores.
inline void soften_rows(const float* scores, const float* factors, std::uint8_t* weights,
                        SharedWeights& shared) {
  HWY_ALIGN float most[kRowLanes * kLanes];
  HWY_ALIGN std::int32_t sums[kRowLanes * kLanes];
  std::fill(most + kRows * kLanes, std::end(most), 0.0F);
  std::fill(sums + kRows * kLanes, std::end(sums), 0);
  float tops[kRowLanes];
  std::int32_t totals[kRowLanes];
  for (std::size_t r = 0; r < kRows; ++r) find_most(scores + r * kBlock, most + r * kLanes);
  reduce_rows(most, tops, [](auto a, auto b) { return hn::Max(a, b); });
  for (std::size_t r = 0; r < kRows; ++r) {
    // Where all are hidden there is nothing to subtract: every weight comes out as 0.
    const float top = tops[r] == kHidden ? 0.0F : tops[r];
    soften(scores + r * kBlock, top, factors[r], weights + r * kBlock, sums + r * kLanes);
    shared.top[r] = tops[r] * factors[r];
  }
  reduce_rows(sums, totals, [](auto a, auto b) { return hn::Add(a, b); });
  std::copy_n(totals, kRowLanes, shared.sum);
}

/// mixed[r][column …) += factor[r] · Σ_j weights[r][j] · values[first + j] over kShared keys.
template <std::size_t kCount>
HWY_INLINE void mix_columns(const Layout& layout, const std::int8_t* values,
                            const std::uint8_t* weights, const float* factor, float* mixed) {
  const I32 d;
  VI sum[kRows][kCount];
#pragma GCC unroll 6
  for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (std::size_t c = 0; c < kCount; ++c) sum[r][c] = hn::Zero(d);
  }
  for (std::size_t j = 0; j < kShared; j += kQuad, values += layout.width * kQuad) {
    VI v[kCount];
#pragma GCC unroll 4
    for (std::size_t c = 0; c < kCount; ++c) {
      v[c] = hn::LoadU(d, reinterpret_cast<const std::int32_t*>(values + c * kLanes * kQuad));
    }
#pragma GCC unroll 6
    for (std::size_t r = 0; r < kRows; ++r) {
      const VI w = broadcast_quad(weights + r * kBlock + j);
#pragma GCC unroll 4
      for (std::size_t c = 0; c < kCount; ++c) sum[r][c] = add_quads(sum[r][c], w, v[c]);
    }
  }
  // By way of memory, as in panel.cpp: else g++ 12 keeps the sums there all along.
  HWY_ALIGN std::int32_t raw[kRows][kCount][kLanes];
#pragma GCC unroll 6
  for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (std::size_t c = 0; c < kCount; ++c) hn::Store(sum[r][c], d, raw[r][c]);
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    const VF f = hn::Set(F(), factor[r]);
    for (std::size_t c = 0; c < kCount; ++c) {
      float* out = mixed + r * layout.width + c * kLanes;
      const VF products = hn::ConvertTo(F(), hn::Load(d, raw[r][c]));
      hn::StoreU(hn::MulAdd(products, f, hn::LoadU(F(), out)), F(), out);
    }
  }
}

HWY_INLINE void mix_shared(const Layout& layout, const std::int8_t* values,
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
inline std::size_t top_key_of(const SharedWeights* shared, std::size_t count, float top,
                              std::size_t r, const std::uint8_t* weights) {
  std::size_t g = 0;
  while (g + 1 < count && shared[g].top[r] != top) ++g;
  const std::uint8_t* begin = weights + g * kShared;
  const std::uint8_t* found = std::find(begin, begin + kShared, kTopWeight);
  // None has it if the scores are not finite; then nor is the result.
  return g * kShared + (found == begin + kShared ? 0 : static_cast<std::size_t>(found - begin));
}

/// Raises the rows' maxima to those of a block, and fixes what the block's weights stand for; adds
/// their sums. `factor` is what must be multiplied with what was mixed so far.
HWY_INLINE void raise_maxima(RowGroup& group, SharedWeights* shared, std::size_t count,
                             float* factor) {
  const hn::CappedTag<float, kRowLanes> d;
  for (std::size_t r = 0; r < kRowLanes; r += hn::Lanes(d)) {
    const auto before = hn::LoadU(d, group.maxima + r);
    auto top = before;
    for (std::size_t g = 0; g < count; ++g) top = hn::Max(top, hn::LoadU(d, shared[g].top + r));
    // A row that has seen no key yet: 2^(-infinity - 0), which comes out as next to nothing.
    const auto base = hn::IfThenZeroElse(hn::Eq(top, hn::Set(d, kHidden)), top);
    const auto kept = exp2_of_nonpositive(hn::Sub(before, base));
    auto sums = hn::Mul(hn::LoadU(d, group.sums + r), kept);
    for (std::size_t g = 0; g < count; ++g) {
      const auto scale = exp2_of_nonpositive(hn::Sub(hn::LoadU(d, shared[g].top + r), base));
      hn::StoreU(scale, d, shared[g].scale + r);
      sums = hn::MulAdd(scale, hn::LoadU(d, shared[g].sum + r), sums);
    }
    hn::StoreU(top, d, group.maxima + r);
    hn::StoreU(sums, d, group.sums + r);
    hn::StoreU(kept, d, factor + r);
  }
}

/// Takes the maxima of `count` times kShared keys, the first of which is `block`, and scales down
/// what rows have mixed whose maximum rose.
HWY_INLINE void rebase(RowGroup& group, SharedWeights* shared, std::size_t count, std::size_t width,
                       std::size_t block, const std::uint8_t* weights) {
  float before[kRows];
  std::copy_n(group.maxima, kRows, before);
  float factor[kRowLanes];
  raise_maxima(group, shared, count, factor);
  for (std::size_t r = 0; r < kRows; ++r) {
    if (!(group.maxima[r] > before[r])) continue;
    group.top_key[r] = block + top_key_of(shared, count, group.maxima[r], r, weights + r * kBlock);
    const VF f = hn::Set(F(), factor[r]);
    for (std::size_t i = 0; i < width; i += kLanes) {
      float* mixed = group.mixed + r * width + i;
      hn::StoreU(hn::Mul(hn::LoadU(F(), mixed), f), F(), mixed);
    }
  }
}

/// Takes `count` keys from `block` on into a group's rows.
inline void attend_block(const AttentionArgs& a, const Work& w, std::size_t head, std::size_t block,
                         std::size_t count, RowGroup& group) {
  score_block(w.layout, w.head, group, block, count, w.scores);
  constexpr float kSettled[kRows] = {1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F};
  const bool settle = count % kShared != 0 || a.bias != nullptr || has_hidden_keys(a);
  for (std::size_t r = 0; settle && r < kRows; ++r) {
    settle_scores(a, head, group, r, block, count, w.scores + r * kBlock);
  }
  const std::size_t groups = round_up(count, kShared) / kShared;
  SharedWeights shared[kBlock / kShared];
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t j = g * kShared;
    soften_rows(w.scores + j, settle ? kSettled : group.scale, w.weights + j, shared[g]);
  }
  rebase(group, shared, groups, w.layout.width, block, w.weights);
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t j = g * kShared;
    mix_shared(w.layout, w.head.values + (block + j) * w.layout.width, w.weights + j,
               shared[g].scale, group.mixed);
  }
}

inline void begin_rows(const AttentionArgs& a, const Layout& layout, std::size_t head,
                       std::size_t first, RowGroup& group) {
  group.first = first;
  std::fill_n(group.maxima, kRowLanes, kHidden);
  std::fill_n(group.sums, kRowLanes, 0.0F);
  std::fill_n(group.top_key, kRows, 0);
  for (std::size_t r = 0; r < kRows; ++r) {
    const std::size_t row = std::min(first + r, a.length - 1);
    group.scale[r] = pack_query(a, a.query + row * a.stride + head * a.head_dim, layout.quads,
                                group.query + r * layout.quads * kQuad);
  }
  std::memset(group.mixed, 0, kRows * layout.width * sizeof(float));
  const KeySpan last = visible_keys(a, std::min(first + kRows, a.length) - 1);
  group.begin = std::min(visible_keys(a, first).begin, last.begin) / kStrip * kStrip;
  group.end = last.end;
}

inline void finish_rows(const AttentionArgs& a, const Work& w, std::size_t head,
                        const RowGroup& group) {
  const F d;
  const std::size_t rows = std::min(kRows, a.length - group.first);
  for (std::size_t r = 0; r < rows; ++r) {
    float* out = a.out + (group.first + r) * a.out_stride + head * a.head_dim;
    const std::size_t key = group.top_key[r];
    const float* top_value = a.value + key * a.stride + head / (a.heads / a.kv_heads) * a.head_dim;
    const VF inverse = hn::Set(d, 1.0F / group.sums[r]);
    for (std::size_t i = 0; i < a.head_dim; i += kLanes) {
      const VF mixed = hn::LoadU(d, group.mixed + r * w.layout.width + i);
      const VF lost = hn::Mul(value_error(a, w.layout, w.head, top_value, key, i),
                              hn::Set(d, static_cast<float>(kTopWeight)));
      const VF sum = hn::MulAdd(mixed, hn::LoadU(d, w.head.value_scale + i), lost);
      store_tail(hn::MulAdd(sum, inverse, hn::LoadU(d, w.head.value_mean + i)), out + i,
                 a.head_dim - i);
    }
  }
}

/// One head: tiles of row groups pass over the keys together.
inline void attend_head(const AttentionArgs& a, std::size_t head, Work& w) {
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

}  // namespace int8

void AttentionInt8(const AttentionArgs& args, std::byte* scratch) {
  using namespace int8;
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
EMBEDTOOL_AFTER_QUADS

#else
void AttentionInt8(const AttentionArgs&, std::byte*) {}
#endif
}  // namespace HWY_NAMESPACE
}  // namespace embedtool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embedtool {

HWY_EXPORT(AttentionInt8);

bool has_attention_int8() {
  return has_quads();
}

std::size_t attention_int8_scratch_bytes(std::size_t length, std::size_t head_dim) {
  int8::Parts counted(nullptr);
  const int8::Work work(int8::Layout(length, head_dim), counted);
  return counted.bytes();
}

void attention_int8(const AttentionArgs& args, std::byte* scratch) {
  check_attention(args, scratch);
  HWY_DYNAMIC_DISPATCH(AttentionInt8)(args, scratch);
}

}  // namespace embedtool
#endif  // HWY_ONCE
