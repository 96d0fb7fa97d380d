#if defined(__x86_64__)

#include "core/math/attention_int8_operands.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace embedtool::int8 {
namespace {

/// mean[i] of the rows' dimension i, and most[i] = max |x - mean|, both [width].
EMBEDTOOL_AVX512 void center(const float* rows, std::size_t stride, std::size_t count,
                             std::size_t dims, float* mean, float* most) {
  for (std::size_t i = 0; i < dims; i += kLanes) {
    const __mmask16 mask = mask_of(dims - i);
    __m512 sum = _mm512_setzero_ps();
    __m512 low = _mm512_set1_ps(std::numeric_limits<float>::max());
    __m512 high = _mm512_set1_ps(std::numeric_limits<float>::lowest());
    for (std::size_t j = 0; j < count; ++j) {
      const __m512 x = _mm512_maskz_loadu_ps(mask, rows + j * stride + i);
      sum = _mm512_add_ps(sum, x);
      low = _mm512_min_ps(low, x);
      high = _mm512_max_ps(high, x);
    }
    const __m512 middle = _mm512_div_ps(sum, _mm512_set1_ps(static_cast<float>(count)));
    _mm512_storeu_ps(mean + i, middle);
    if (most == nullptr) continue;
    _mm512_storeu_ps(most + i,
                     _mm512_max_ps(_mm512_sub_ps(high, middle), _mm512_sub_ps(middle, low)));
  }
}

/// The largest |x - mean| of one row.
EMBEDTOOL_AVX512 inline float largest(const float* row, const float* mean, std::size_t dims) {
  __m512 most = _mm512_setzero_ps();
  for (std::size_t i = 0; i < dims; i += kLanes) {
    const __m512 x = _mm512_maskz_loadu_ps(mask_of(dims - i), row + i);
    const __m512 m =
        mean == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask_of(dims - i), mean + i);
    most = _mm512_max_ps(most, _mm512_abs_ps(_mm512_sub_ps(x, m)));
  }
  return _mm512_reduce_max_ps(most);
}

/// round((x - mean) · factor) of dimensions i … i + 15 of a row; 0 beyond `dims`.
EMBEDTOOL_AVX512 inline __m512i quantized(const float* row, const float* mean, __m512 factor,
                                          std::size_t i, std::size_t dims) {
  const __mmask16 mask = mask_of(dims - i);
  const __m512 x = _mm512_maskz_loadu_ps(mask, row + i);
  const __m512 m = mean == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, mean + i);
  return _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_sub_ps(x, m), factor));
}

}  // namespace

EMBEDTOOL_AVX512 void pack_keys(const AttentionArgs& a, const float* rows, const Layout& layout,
                                const Head& h) {
  center(rows, a.stride, a.length, a.head_dim, h.key_mean, nullptr);
  std::memset(h.keys, 0, layout.key_bytes());
  for (std::size_t j = 0; j < layout.padded; ++j) {
    h.key_scale[j] = 0.0F;
    h.key_shift[j] = 0;
    if (j >= a.length) continue;
    const float* row = rows + j * a.stride;
    const float most = largest(row, h.key_mean, a.head_dim);
    const __m512 factor = _mm512_set1_ps(most > 0.0F ? 127.0F / most : 0.0F);
    std::int8_t* out = h.keys + j / kLanes * kLanes * layout.quads * kQuad + j % kLanes * kQuad;
    __m512i sum = _mm512_setzero_si512();
    for (std::size_t i = 0; i < a.head_dim; i += kLanes) {
      const __m512i x = quantized(row, h.key_mean, factor, i, a.head_dim);
      sum = _mm512_add_epi32(sum, x);
      alignas(16) std::int8_t bytes[kLanes];
      _mm_store_si128(reinterpret_cast<__m128i*>(bytes), _mm512_cvtsepi32_epi8(x));
      const std::size_t quads = std::min(kLanes / kQuad, layout.quads - i / kQuad);
      for (std::size_t q = 0; q < quads; ++q) {
        std::memcpy(out + (i / kQuad + q) * kLanes * kQuad, bytes + q * kQuad, kQuad);
      }
    }
    h.key_scale[j] = most / 127.0F;
    h.key_shift[j] = -128 * _mm512_reduce_add_epi32(sum);
  }
}

EMBEDTOOL_AVX512 void pack_values(const AttentionArgs& a, const float* rows, const Layout& layout,
                                  const Head& h) {
  center(rows, a.stride, a.length, a.head_dim, h.value_mean, h.value_scale);
  const __m512i low_byte = _mm512_set1_epi32(0xff);
  for (std::size_t i = 0; i < layout.width; i += kLanes) {
    const __m512 most = _mm512_loadu_ps(h.value_scale + i);
    const __mmask16 moves = _mm512_cmp_ps_mask(most, _mm512_setzero_ps(), _CMP_GT_OQ);
    const __m512 factor = _mm512_maskz_div_ps(moves, _mm512_set1_ps(127.0F), most);
    _mm512_storeu_ps(h.value_scale + i, _mm512_mul_ps(most, _mm512_set1_ps(1.0F / 127.0F)));
    for (std::size_t j = 0; j < layout.padded; j += kQuad) {
      __m512i quad = _mm512_setzero_si512();
      for (std::size_t t = 0; t < kQuad && j + t < a.length; ++t) {
        const __m512i x = quantized(rows + (j + t) * a.stride, h.value_mean, factor, i, a.head_dim);
        quad = _mm512_or_si512(
            quad, _mm512_sllv_epi32(_mm512_and_si512(x, low_byte),
                                    _mm512_set1_epi32(static_cast<std::int32_t>(8 * t))));
      }
      _mm512_storeu_si512(h.values + (j * layout.width + i * kQuad), quad);
    }
  }
}

EMBEDTOOL_AVX512 void pack_query(const AttentionArgs& a, const float* row, std::size_t quads,
                                 std::uint8_t* out, float& scale) {
  const float most = largest(row, nullptr, a.head_dim);
  const __m512 factor = _mm512_set1_ps(most > 0.0F ? 127.0F / most : 0.0F);
  scale = most / 127.0F * a.scale * kLog2E;
  for (std::size_t i = 0; i < quads * kQuad; i += kLanes) {
    const __m512i x =
        _mm512_add_epi32(quantized(row, nullptr, factor, i, a.head_dim), _mm512_set1_epi32(128));
    _mm_mask_storeu_epi8(out + i, mask_of(quads * kQuad - i), _mm512_cvtepi32_epi8(x));
  }
}

}  // namespace embedtool::int8

#endif
