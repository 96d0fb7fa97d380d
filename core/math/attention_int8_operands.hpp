#pragma once

// The operands of attention in int8 (attention_int8.cpp), packed for AVX-512's products of
// quadruples. x86-64 only.

#include <cstddef>
#include <cstdint>

#include "core/math/attention.hpp"
#include "core/math/kernels.hpp"

// g++ 12's own header trips over its "undefined" vectors (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

// An attribute, not a compiler flag, so that nothing else in these files needs the instructions.
#define EMBEDTOOL_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

namespace embedtool::int8 {

constexpr std::size_t kLanes = 16;
/// Bytes that one product takes.
constexpr std::size_t kQuad = 4;
/// Keys whose weights share a scale.
constexpr std::size_t kShared = 128;
constexpr float kLog2E = 1.44269504088896341F;

/// Sizes of the packed operands, for one length and head size.
struct Layout {
  Layout(std::size_t length, std::size_t head_dim)
      : quads(round_up(head_dim, kQuad) / kQuad),
        width(round_up(head_dim, kLanes)),
        padded(round_up(length, kLanes) + kShared) {}

  std::size_t quads;   ///< of one key
  std::size_t width;   ///< of one value, in dimensions
  std::size_t padded;  ///< keys, with what whole vectors and groups read beyond the last

  std::size_t key_bytes() const { return padded * quads * kQuad; }
  std::size_t value_bytes() const { return padded * width; }
};

/// One head's keys and values.
struct Head {
  /// [padded / 16, quads, 16, 4]: strips of 16 keys, four dimensions of a key side by side.
  std::int8_t* keys;
  float* key_scale;         ///< [padded]; 0 beyond the last key
  std::int32_t* key_shift;  ///< [padded]: -128 Σ of the key, because queries are stored with + 128
  /// [padded / 4, width, 4]: four tokens of a dimension side by side.
  std::int8_t* values;
  float* key_mean;     ///< [width]
  float* value_mean;   ///< [width]
  float* value_scale;  ///< [width]
};

EMBEDTOOL_AVX512 inline __mmask16 mask_of(std::size_t left) {
  return static_cast<__mmask16>(left >= kLanes ? 0xffffU : (1U << left) - 1U);
}

/// Packs the keys of one head, whose first is at `rows`, and their scales.
void pack_keys(const AttentionArgs& a, const float* rows, const Layout& layout, const Head& h);
/// The same for the values.
void pack_values(const AttentionArgs& a, const float* rows, const Layout& layout, const Head& h);
/// Packs a query: `quads` quadruples to `out`. `scale` is what multiplies its scores so that they
/// are multiples of ln 2.
void pack_query(const AttentionArgs& a, const float* row, std::size_t quads, std::uint8_t* out,
                float& scale);

/// What rounding took away from dimensions i … i + 15 of a value.
EMBEDTOOL_AVX512 inline __m512 value_error(const AttentionArgs& a, const Layout& layout,
                                           const Head& h, const float* row, std::size_t key,
                                           std::size_t i) {
  const std::int8_t* quads =
      h.values + key / kQuad * kQuad * layout.width + i * kQuad;  // of the key's four tokens
  const auto shift = static_cast<unsigned>(24 - 8 * (key % kQuad));
  const __m512i x = _mm512_srai_epi32(_mm512_slli_epi32(_mm512_loadu_si512(quads), shift), 24);
  const __m512 exact = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask_of(a.head_dim - i), row + i),
                                     _mm512_loadu_ps(h.value_mean + i));
  return _mm512_fnmadd_ps(_mm512_cvtepi32_ps(x), _mm512_loadu_ps(h.value_scale + i), exact);
}

}  // namespace embedtool::int8
