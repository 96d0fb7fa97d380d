#include "core/math/attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/check.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/math/attention.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/math/vector-inl.hpp"

#ifndef EMBEDTOOL_ATTENTION_BLOCKING
#define EMBEDTOOL_ATTENTION_BLOCKING
namespace embedtool {
/// Keys whose scores are held at a time: 6 rows × 512 floats = 12 KiB, and as much again while they
/// become weights: half of L1.
inline constexpr std::size_t kKeyBlock = 512;
/// Lanes that rows are padded to: the widest vector of any target, so that the scratch layout
/// does not depend on the target.
inline constexpr std::size_t kLanePad = 16;
/// Query rows computed together.
inline constexpr std::size_t kQueryRows = 6;
/// Groups of query rows that pass over a long sequence's keys together. They share a block of keys
/// and values while it is in L2: at 64 dimensions, 256 KiB beside 24 KiB of what they mix.
inline constexpr std::size_t kTileGroups = 16;
/// Keys whose values are mixed before a few of the next weights are computed. Sums of products keep
/// half of the CPU's pipes busy and weights the other half, if both are in its window.
inline constexpr std::size_t kKeysBetween = 8;
inline constexpr float kLog2E = 1.44269504088896341F;
}  // namespace embedtool
#endif

HWY_BEFORE_NAMESPACE();
namespace embedtool {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Accumulators of the two products: kQueryRows × kColumns vectors must fit the register file with
// room for operands (32 registers on AVX-512 and NEON, 16 elsewhere).
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
inline constexpr std::size_t kColumns = 4;
#else
inline constexpr std::size_t kColumns = 2;
#endif

/// One head's operands, packed.
struct Head {
  /// [padded_length / kLanePad, head_dim, kLanePad]: strips of keys, transposed, zero-padded. A
  /// block of keys is contiguous, whatever the length.
  const float* keys;
  const float* values;  ///< [length, padded_dim], zero-padded columns
  std::size_t padded_dim;
  std::size_t head_dim;
  float scale;  ///< of the scores, as multiples of ln 2
};

/// kQueryRows query rows on their way over the keys, block by block. Each row keeps its maximum and
/// sum so far; when a block raises the maximum, what has been mixed is scaled down.
struct RowGroup {
  float* queries;                 ///< [head_dim, kQueryRows], multiplied by Head::scale
  const float* bias[kQueryRows];  ///< what is added to row r's score of key j: bias[r][j], or null
  float maxima[kQueryRows];
  float sums[kQueryRows];
  float* mixed;       ///< [kQueryRows, padded_dim]
  std::size_t first;  ///< the first row's place in the sequence
  /// Keys that any of the rows sees; `begin` is a multiple of kLanePad, so that loads of whole
  /// vectors stay inside the padded keys.
  std::size_t begin;
  std::size_t end;
};

/// scores[r][0 .. kCount vectors) = query r · keys[:, column ..); `column` is a multiple of the
/// lanes.
template <std::size_t kCount>
HWY_INLINE void score_columns(const Head& h, const RowGroup& group, std::size_t column,
                              float* scores) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  V sum[kQueryRows][kCount];
  for (auto& row : sum) {
    for (V& s : row) s = hn::Zero(d);
  }
  const float* keys[kCount];
  for (std::size_t c = 0; c < kCount; ++c) {
    const std::size_t key = column + c * lanes;
    keys[c] = h.keys + key / kLanePad * kLanePad * h.head_dim + key % kLanePad;
  }
  const float* queries = group.queries;
  for (std::size_t i = 0; i < h.head_dim; ++i, queries += kQueryRows) {
    V k[kCount];
    for (std::size_t c = 0; c < kCount; ++c) k[c] = hn::LoadU(d, keys[c] + i * kLanePad);
    for (std::size_t r = 0; r < kQueryRows; ++r) {
      const V q = hn::Set(d, queries[r]);
      for (std::size_t c = 0; c < kCount; ++c) sum[r][c] = hn::MulAdd(q, k[c], sum[r][c]);
    }
  }
  for (std::size_t r = 0; r < kQueryRows; ++r) {
    for (std::size_t c = 0; c < kCount; ++c) {
      hn::StoreU(sum[r][c], d, scores + r * kKeyBlock + c * lanes);
    }
  }
}

/// Adds the bias of keys first … first + count - 1, as a multiple of ln 2 like the scores.
HWY_INLINE void add_bias(const float* bias, std::size_t count, float* scores) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const V log2e = hn::Set(d, kLog2E);
  std::size_t j = 0;
  for (; j + lanes <= count; j += lanes) {
    hn::StoreU(hn::MulAdd(hn::LoadU(d, bias + j), log2e, hn::LoadU(d, scores + j)), d, scores + j);
  }
  if (j == count) return;
  const V b = load_tail(bias + j, count - j);
  hn::StoreU(hn::MulAdd(b, log2e, hn::LoadU(d, scores + j)), d, scores + j);
}

/// Hides the scores of keys outside [from, to), both counted from the block's first key.
HWY_INLINE void hide(std::size_t from, std::size_t to, std::size_t count, float* scores) {
  constexpr float kHidden = -std::numeric_limits<float>::infinity();
  for (std::size_t j = 0; j < std::min(from, count); ++j) scores[j] = kHidden;
  for (std::size_t j = to; j < count; ++j) scores[j] = kHidden;
}

/// Scores of the query rows against `count` keys from `first` on, whole vectors (the rest of the
/// last one meets zero-padded keys).
HWY_INLINE void score_block(const Head& h, const RowGroup& group, std::size_t first,
                            std::size_t count, float* scores) {
  const std::size_t lanes = hn::Lanes(D());
  std::size_t j = 0;
  for (; j + kColumns * lanes <= count; j += kColumns * lanes) {
    score_columns<kColumns>(h, group, first + j, scores + j);
  }
  for (; j < count; j += lanes) score_columns<1>(h, group, first + j, scores + j);
}

/// The largest of `count` scores, whole vectors, lane by lane: of four chains, since in one alone
/// every step would wait for the one before.
HWY_INLINE V largest(const float* scores, std::size_t count) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  V a = hn::LoadU(d, scores);
  V b = a;
  V c = a;
  V e = a;
  std::size_t j = lanes;
  for (; j + 4 * lanes <= count; j += 4 * lanes) {
    a = hn::Max(a, hn::LoadU(d, scores + j));
    b = hn::Max(b, hn::LoadU(d, scores + j + lanes));
    c = hn::Max(c, hn::LoadU(d, scores + j + 2 * lanes));
    e = hn::Max(e, hn::LoadU(d, scores + j + 3 * lanes));
  }
  for (; j < count; j += lanes) a = hn::Max(a, hn::LoadU(d, scores + j));
  return hn::Max(hn::Max(a, b), hn::Max(c, e));
}

/// What has been summed under the old maximum counts this much under the new one.
HWY_INLINE float rescaling(float old_max, float new_max) {
  if (old_max == new_max) return 1.0F;
  return old_max == -std::numeric_limits<float>::infinity() ? 0.0F : std::exp2(old_max - new_max);
}

#if HWY_TARGET == HWY_AVX3
/// 2^x as exp2_of_nonpositive() gives it, within a relative error of 2e-7. A table of 2^(k/32)
/// spares half of the multiplications, which the products beside it wait for. 2^x = 2^n · 2^(k/32)
/// · p(x - n - k/32); p is our own minimax fit of degree 2.
HWY_INLINE V soft_weight(V x) {
  // The bits of 2^(k/32) less those that adding k / 32 to the exponent puts below it.
  alignas(64) static constexpr std::uint32_t kPowers[32] = {
      0x3f800000, 0x3f7ecd87, 0x3f7daac3, 0x3f7c980f, 0x3f7b95c2, 0x3f7aa43a, 0x3f79c3d3,
      0x3f78f4f0, 0x3f7837f0, 0x3f778d3a, 0x3f76f532, 0x3f767043, 0x3f75fed7, 0x3f75a15b,
      0x3f75583f, 0x3f7523f6, 0x3f7504f3, 0x3f74fbaf, 0x3f7508a4, 0x3f752c4d, 0x3f75672a,
      0x3f75b9be, 0x3f76248c, 0x3f76a81e, 0x3f7744fd, 0x3f77fbb8, 0x3f78ccdf, 0x3f79b907,
      0x3f7ac0c7, 0x3f7be4ba, 0x3f7d257d, 0x3f7e83b3};
  const D d;
  const hn::RebindToUnsigned<D> du;
  constexpr float kRound32 = kRound / 32.0F;
  x = hn::Max(x, hn::Set(d, -126.0F));
  const V rounded = hn::Add(x, hn::Set(d, kRound32));
  const V f = hn::Sub(x, hn::Sub(rounded, hn::Set(d, kRound32)));
  const auto steps = hn::BitCast(du, rounded);  // 32 n + k in the low bits
  hn::Vec<decltype(du)> bits;
  bits.raw = _mm512_permutex2var_epi32(hn::Load(du, kPowers).raw, steps.raw,
                                       hn::Load(du, kPowers + 16).raw);
  const V power = hn::BitCast(d, hn::Add(bits, hn::ShiftLeft<18>(steps)));
  const V p = hn::MulAdd(f, hn::Set(d, 0.2402275F), hn::Set(d, 0.6931573F));
  return hn::MulAdd(power, hn::Mul(f, p), power);
}
#else
HWY_INLINE V soft_weight(V x) {
  return exp2_of_nonpositive(x);
}
#endif

/// A block of keys on its way through a group of rows: scored, then made weights (while the step
/// before is mixed), then mixed.
struct Step {
  RowGroup* group;  ///< null = there is none
  float* scores;  ///< [kQueryRows, kKeyBlock], multiples of ln 2, then weights 2^(score - maximum)
  std::size_t first;
  std::size_t count;
  std::size_t padded;         ///< `count` in whole vectors
  float factors[kQueryRows];  ///< by which earlier sums must be multiplied
};

/// Pads the scores and takes their maxima into the rows'.
HWY_INLINE void raise_maxima(Step& step) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  step.padded = (step.count + lanes - 1) / lanes * lanes;
  for (std::size_t r = 0; r < kQueryRows; ++r) {
    float* scores = step.scores + r * kKeyBlock;
    for (std::size_t j = step.count; j < step.padded; ++j) {
      scores[j] = -std::numeric_limits<float>::infinity();
    }
    float& maximum = step.group->maxima[r];
    const float raised =
        std::max(maximum, hn::GetLane(hn::MaxOfLanes(d, largest(scores, step.padded))));
    step.factors[r] = rescaling(maximum, raised);
    maximum = raised;
  }
}

/// Makes weights of a step's scores, a few vectors at a time.
class Softening {
 public:
  /// Nothing is to be done for a step without a group. advance() will be called `turns` times or
  /// more.
  HWY_INLINE Softening(Step& step, std::size_t turns)
      : step_(step), sum_(hn::Zero(D())), row_(step.group == nullptr ? kQueryRows : 0) {
    if (row_ == kQueryRows) return;
    each_ = (kQueryRows * step.padded / hn::Lanes(D()) + turns - 1) / turns;
    begin_row();
  }

  /// A turn's share.
  HWY_INLINE void advance() {
    if (row_ < kQueryRows) soften(each_);
  }

  /// All that is left.
  HWY_INLINE void finish() {
    if (row_ < kQueryRows) soften(SIZE_MAX);
  }

 private:
  HWY_INLINE void begin_row() {
    const float maximum = step_.group->maxima[row_];
    // All hidden so far: there is nothing to subtract, and the weights come out as 2^-126, which is
    // negligible.
    maximum_ = hn::Set(D(), maximum == -std::numeric_limits<float>::infinity() ? 0.0F : maximum);
    sum_ = hn::Zero(D());
    next_ = step_.scores + row_ * kKeyBlock;
    end_ = next_ + step_.padded;
  }

  HWY_INLINE void soften(std::size_t vectors) {
    const D d;
    for (; vectors > 0; --vectors) {
      const V weights = soft_weight(hn::Sub(hn::LoadU(d, next_), maximum_));
      hn::StoreU(weights, d, next_);
      sum_ = hn::Add(sum_, weights);
      next_ += hn::Lanes(d);
      if (next_ != end_) continue;
      float& sum = step_.group->sums[row_];
      sum = sum * step_.factors[row_] + hn::GetLane(hn::SumOfLanes(d, sum_));
      if (++row_ == kQueryRows) return;
      begin_row();
    }
  }

  Step& step_;
  V maximum_;
  V sum_;
  float* next_ = nullptr;
  float* end_ = nullptr;
  std::size_t row_;
  std::size_t each_ = 0;
};

/// mixed[r][column .. + kCount vectors) = factors[r] · mixed + Σ_j weights[r][j] · values[j]
template <std::size_t kCount>
HWY_INLINE void mix_columns(const Head& h, const Step& step, std::size_t column,
                            Softening& softening) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  float* const out = step.group->mixed + column;
  V sum[kQueryRows][kCount];
  for (std::size_t r = 0; r < kQueryRows; ++r) {
    const V f = hn::Set(d, step.factors[r]);
    for (std::size_t c = 0; c < kCount; ++c) {
      sum[r][c] = hn::Mul(f, hn::LoadU(d, out + r * h.padded_dim + c * lanes));
    }
  }
  const float* values = h.values + step.first * h.padded_dim + column;
  for (std::size_t turn = 0; turn < step.count; turn += kKeysBetween) {
    const std::size_t end = std::min(turn + kKeysBetween, step.count);
    for (std::size_t j = turn; j < end; ++j, values += h.padded_dim) {
      V v[kCount];
      for (std::size_t c = 0; c < kCount; ++c) v[c] = hn::LoadU(d, values + c * lanes);
      for (std::size_t r = 0; r < kQueryRows; ++r) {
        const V w = hn::Set(d, step.scores[r * kKeyBlock + j]);
        for (std::size_t c = 0; c < kCount; ++c) sum[r][c] = hn::MulAdd(w, v[c], sum[r][c]);
      }
    }
    softening.advance();
  }
  for (std::size_t r = 0; r < kQueryRows; ++r) {
    for (std::size_t c = 0; c < kCount; ++c) {
      hn::StoreU(sum[r][c], d, out + r * h.padded_dim + c * lanes);
    }
  }
}

/// Mixes the values of `step` while `next`'s scores become weights; either may have no group.
HWY_INLINE void mix(const Head& h, const Step& step, Step& next) {
  if (step.group == nullptr) return Softening(next, 1).finish();
  const std::size_t lanes = hn::Lanes(D());
  const std::size_t passes = (h.padded_dim + kColumns * lanes - 1) / (kColumns * lanes);
  Softening softening(next, passes * ((step.count + kKeysBetween - 1) / kKeysBetween));
  std::size_t column = 0;
  for (; column + kColumns * lanes <= h.padded_dim; column += kColumns * lanes) {
    mix_columns<kColumns>(h, step, column, softening);
  }
  for (; column + 2 * lanes <= h.padded_dim; column += 2 * lanes) {
    mix_columns<2>(h, step, column, softening);
  }
  for (; column < h.padded_dim; column += lanes) mix_columns<1>(h, step, column, softening);
  softening.finish();
}

/// out[i][0..4) = in[0..4)[i] of a 4 × 4 corner.
HWY_INLINE void transpose4(const float* in, std::size_t in_stride, float* out,
                           std::size_t out_stride) {
#if HWY_TARGET == HWY_SCALAR
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t r = 0; r < 4; ++r) out[i * out_stride + r] = in[r * in_stride + i];
  }
#else
  const hn::Full128<float> d;
  const hn::Full128<double> dd;
  const auto a = hn::LoadU(d, in);
  const auto b = hn::LoadU(d, in + in_stride);
  const auto c = hn::LoadU(d, in + 2 * in_stride);
  const auto e = hn::LoadU(d, in + 3 * in_stride);
  const auto ab_low = hn::BitCast(dd, hn::InterleaveLower(d, a, b));
  const auto ab_high = hn::BitCast(dd, hn::InterleaveUpper(d, a, b));
  const auto ce_low = hn::BitCast(dd, hn::InterleaveLower(d, c, e));
  const auto ce_high = hn::BitCast(dd, hn::InterleaveUpper(d, c, e));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(dd, ab_low, ce_low)), d, out);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(dd, ab_low, ce_low)), d, out + out_stride);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(dd, ab_high, ce_high)), d, out + 2 * out_stride);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(dd, ab_high, ce_high)), d, out + 3 * out_stride);
#endif
}

/// Strips of keys (Head::keys) from the rows of one key head, then zeros after the last token.
HWY_INLINE void pack_keys(const AttentionArgs& a, const float* key, std::size_t padded_length,
                          float* keys) {
  const auto strip = [&](std::size_t j) {
    return keys + j / kLanePad * kLanePad * a.head_dim + j % kLanePad;
  };
  std::size_t j = 0;
  for (; j + 4 <= a.length; j += 4) {
    const float* rows = key + j * a.stride;
    float* out = strip(j);
    std::size_t i = 0;
    for (; i + 4 <= a.head_dim; i += 4) {
      transpose4(rows + i, a.stride, out + i * kLanePad, kLanePad);
    }
    for (; i < a.head_dim; ++i) {
      for (std::size_t r = 0; r < 4; ++r) out[i * kLanePad + r] = rows[r * a.stride + i];
    }
  }
  for (; j < padded_length; ++j) {
    float* out = strip(j);
    for (std::size_t i = 0; i < a.head_dim; ++i) {
      out[i * kLanePad] = j < a.length ? key[j * a.stride + i] : 0.0F;
    }
  }
}

/// values[length, padded_dim], then zeros after the last column.
HWY_INLINE void pack_values(const AttentionArgs& a, const float* value, std::size_t padded_dim,
                            float* values) {
  for (std::size_t j = 0; j < a.length; ++j) {
    float* row = values + j * padded_dim;
    for (std::size_t i = 0; i < a.head_dim; ++i) row[i] = value[j * a.stride + i];
    for (std::size_t i = a.head_dim; i < padded_dim; ++i) row[i] = 0.0F;
  }
}

/// The rows from `first` on of a head, before any key. Beyond the sequence's end the last row is
/// computed again, which is harmless because rows do not influence each other and saves a second
/// kernel for fewer rows.
HWY_INLINE void begin_rows(const AttentionArgs& a, const Head& h, std::size_t head,
                           std::size_t first, RowGroup& group) {
  group.first = first;
  for (std::size_t r = 0; r < kQueryRows; ++r) {
    const std::size_t row = std::min(first + r, a.length - 1);
    const float* query = a.query + row * a.stride + head * a.head_dim;
    for (std::size_t i = 0; i < a.head_dim; ++i) {
      group.queries[i * kQueryRows + r] = query[i] * h.scale;
    }
    group.bias[r] = a.bias == nullptr ? nullptr : a.bias + head * a.bias_stride - row;
    group.maxima[r] = -std::numeric_limits<float>::infinity();
    group.sums[r] = 0.0F;
  }
  for (std::size_t i = 0; i < kQueryRows * h.padded_dim; ++i) group.mixed[i] = 0.0F;
  const KeySpan last = visible_keys(a, std::min(first + kQueryRows, a.length) - 1);
  group.begin = std::min(visible_keys(a, first).begin, last.begin) / kLanePad * kLanePad;
  group.end = last.end;
}

/// Scores a step's keys.
HWY_INLINE void score(const AttentionArgs& a, const Head& h, Step& step) {
  const RowGroup& group = *step.group;
  score_block(h, group, step.first, step.count, step.scores);
  for (std::size_t r = 0; r < kQueryRows; ++r) {
    float* row = step.scores + r * kKeyBlock;
    if (group.bias[r] != nullptr) add_bias(group.bias[r] + step.first, step.count, row);
    if (has_hidden_keys(a)) {
      const KeySpan span = visible_keys(a, std::min(group.first + r, a.length - 1));
      const auto in_block = [&](std::size_t key) {
        return key > step.first ? key - step.first : 0;
      };
      hide(in_block(span.begin), in_block(span.end), step.count, row);
    }
  }
  raise_maxima(step);
}

/// Writes a group's rows that are in the sequence.
HWY_INLINE void finish_rows(const AttentionArgs& a, std::size_t head, std::size_t padded_dim,
                            const RowGroup& group) {
  const std::size_t rows = std::min(kQueryRows, a.length - group.first);
  for (std::size_t r = 0; r < rows; ++r) {
    float* out = a.out + (group.first + r) * a.out_stride + head * a.head_dim;
    const float inverse = 1.0F / group.sums[r];
    const float* from = group.mixed + r * padded_dim;
    for (std::size_t i = 0; i < a.head_dim; ++i) out[i] = from[i] * inverse;
  }
}

/// What a thread needs beside a head's keys and values.
struct Scratch {
  float* scores;   ///< [2, kQueryRows, kKeyBlock]: of a step and of the next
  float* mixed;    ///< [kTileGroups, kQueryRows, padded_dim]
  float* queries;  ///< [kTileGroups, head_dim, kQueryRows]
};

/// One head. A tile of row groups passes over the keys together, each in blocks from its own first
/// key on, so that a block is in L2 for all but the first of them, and no row of scores is ever
/// stored whole. What a row computes depends neither on the tile nor on its size.
void attend_head(const AttentionArgs& a, const Head& h, std::size_t head, const Scratch& scratch) {
  RowGroup tile[kTileGroups];
  for (std::size_t first = 0; first < a.length;) {
    std::size_t used = 0;
    std::size_t blocks = 0;
    for (; used < kTileGroups && first < a.length; ++used, first += kQueryRows) {
      RowGroup& group = tile[used];
      group.queries = scratch.queries + used * kQueryRows * h.head_dim;
      group.mixed = scratch.mixed + used * kQueryRows * h.padded_dim;
      begin_rows(a, h, head, first, group);
      blocks = std::max(blocks, (group.end - group.begin + kKeyBlock - 1) / kKeyBlock);
    }
    Step now{};
    Step next{};
    for (std::size_t b = 0; b < blocks; ++b) {
      for (std::size_t g = 0; g < used; ++g) {
        const std::size_t block = tile[g].begin + b * kKeyBlock;
        if (block >= tile[g].end) continue;
        next.group = &tile[g];
        next.scores = scratch.scores + (now.scores == scratch.scores ? kQueryRows * kKeyBlock : 0);
        next.first = block;
        next.count = std::min(kKeyBlock, tile[g].end - block);
        score(a, h, next);
        mix(h, now, next);
        now = next;
      }
    }
    next.group = nullptr;
    mix(h, now, next);
    for (std::size_t g = 0; g < used; ++g) finish_rows(a, head, h.padded_dim, tile[g]);
  }
}

void AttentionKernel(const AttentionArgs& a, std::byte* bytes) {
  const std::size_t padded_length = (a.length + kLanePad - 1) / kLanePad * kLanePad;
  const std::size_t padded_dim = (a.head_dim + kLanePad - 1) / kLanePad * kLanePad;
  Scratch scratch;
  scratch.scores = reinterpret_cast<float*>(bytes);
  scratch.mixed = scratch.scores + 2 * kQueryRows * kKeyBlock;
  scratch.queries = scratch.mixed + kTileGroups * kQueryRows * padded_dim;
  float* keys = scratch.queries + kTileGroups * kQueryRows * a.head_dim;
  float* values = keys + padded_length * a.head_dim;
  const std::size_t group = a.heads / a.kv_heads;
  for (std::size_t head = 0; head < a.heads; ++head) {
    if (head % group == 0) {  // heads of a group share their keys and values
      pack_keys(a, a.key + head / group * a.head_dim, padded_length, keys);
      pack_values(a, a.value + head / group * a.head_dim, padded_dim, values);
    }
    attend_head(a, {keys, values, padded_dim, a.head_dim, a.scale * kLog2E}, head, scratch);
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
  return sizeof(float) * (kQueryRows * (2 * kKeyBlock + kTileGroups * (padded_dim + head_dim)) +
                          padded_length * head_dim + length * padded_dim);
}

void check_attention([[maybe_unused]] const AttentionArgs& args,
                     [[maybe_unused]] const std::byte* scratch) {
  EMBEDTOOL_CHECK(args.kv_heads > 0 && args.heads % args.kv_heads == 0);
  EMBEDTOOL_CHECK(args.stride >= args.heads * args.head_dim);
  EMBEDTOOL_CHECK(args.out_stride >= args.heads * args.head_dim);
  EMBEDTOOL_CHECK(args.keys <= args.length);
  EMBEDTOOL_CHECK(is_aligned(scratch));
}

void attention(const AttentionArgs& args, std::byte* scratch) {
  check_attention(args, scratch);
  HWY_DYNAMIC_DISPATCH(AttentionKernel)(args, scratch);
}

}  // namespace embedtool
#endif  // HWY_ONCE
