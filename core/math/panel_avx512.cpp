// bf16 and int8 strips on AVX-512, by intrinsics: Debian 12's Highway has no operation for either.
#include "core/math/panel_avx512.hpp"

#if defined(__x86_64__)

// g++ 12's own header trips over its "undefined" vectors (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <cstring>

// An attribute, not a compiler flag, so that nothing else in this file needs the instructions.
#define EMBEDTOOL_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx512vnni")))

namespace embedtool {
namespace {

constexpr std::size_t kLanes = 16;
constexpr std::size_t kVectors = kAvx512PanelColumns / kLanes;
constexpr std::size_t kRows = 8;
constexpr std::size_t kWord = sizeof(std::uint32_t);

EMBEDTOOL_AVX512 inline __m512i broadcast(const std::byte* x) {
  std::int32_t word;
  std::memcpy(&word, x, kWord);
  return _mm512_set1_epi32(word);
}

struct Bf16Words {
  using Sum = __m512;
  EMBEDTOOL_AVX512 static Sum zero() { return _mm512_setzero_ps(); }
  EMBEDTOOL_AVX512 static Sum multiply_add(__m512i x, __m512i w, Sum sum) {
    return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)w);
  }
  EMBEDTOOL_AVX512 static void store(std::byte* raw, Sum sum) { _mm512_store_ps(raw, sum); }
  EMBEDTOOL_AVX512 static __m512 finish(const std::byte* raw, const PanelArgs&, std::size_t,
                                        std::size_t) {
    return _mm512_load_ps(raw);
  }
};

struct I8Words {
  using Sum = __m512i;
  EMBEDTOOL_AVX512 static Sum zero() { return _mm512_setzero_si512(); }
  EMBEDTOOL_AVX512 static Sum multiply_add(__m512i x, __m512i w, Sum sum) {
    return _mm512_dpbusd_epi32(sum, x, w);
  }
  EMBEDTOOL_AVX512 static void store(std::byte* raw, Sum sum) { _mm512_store_si512(raw, sum); }
  EMBEDTOOL_AVX512 static __m512 finish(const std::byte* raw, const PanelArgs& a, std::size_t row,
                                        std::size_t column) {
    const __m512i sum = _mm512_load_si512(raw);
    const RowScale& r = a.row_scale[row];
    const __m512 scale =
        _mm512_mul_ps(_mm512_set1_ps(r.scale), _mm512_loadu_ps(a.column_scale + column));
    const __m512 shift =
        _mm512_mul_ps(_mm512_set1_ps(r.offset), _mm512_loadu_ps(a.column_sum + column));
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, shift);
  }
};

/// kTileRows rows from `row` on by the whole panel.
template <class Words, std::size_t kTileRows>
EMBEDTOOL_AVX512 inline void tile(const PanelArgs& a, std::size_t row) {
  typename Words::Sum sum[kTileRows][kVectors];
  for (auto& sums : sum) {
    for (auto& s : sums) s = Words::zero();
  }
  const std::byte* x = static_cast<const std::byte*>(a.x) + row * a.x_stride * kWord;
  const std::byte* weights = static_cast<const std::byte*>(a.weights);
  for (std::size_t i = 0; i < a.words; ++i, x += kWord, weights += kAvx512PanelColumns * kWord) {
    const __m512i w0 = _mm512_loadu_si512(weights);
    const __m512i w1 = _mm512_loadu_si512(weights + kLanes * kWord);
    const __m512i w2 = _mm512_loadu_si512(weights + 2 * kLanes * kWord);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kTileRows; ++r) {
      const __m512i v = broadcast(x + r * a.x_stride * kWord);
      sum[r][0] = Words::multiply_add(v, w0, sum[r][0]);
      sum[r][1] = Words::multiply_add(v, w1, sum[r][1]);
      sum[r][2] = Words::multiply_add(v, w2, sum[r][2]);
    }
  }
  // By way of memory: with anything but plain stores here g++ 12 keeps the sums in memory for the
  // whole loop above, at half the speed.
  alignas(64) std::byte raw[kTileRows][kVectors][sizeof(__m512i)];
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < kVectors; ++v) Words::store(raw[r][v], sum[r][v]);
  }
  const std::uint64_t mask = (std::uint64_t{1} << a.used) - 1;
  for (std::size_t r = 0; r < kTileRows; ++r) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      const std::size_t c = v * kLanes;
      const __m512 scaled = Words::finish(raw[r][v], a, row + r, c);
      _mm512_mask_storeu_ps(a.y + (row + r) * a.y_stride + c, static_cast<__mmask16>(mask >> c),
                            _mm512_add_ps(scaled, _mm512_loadu_ps(a.bias + c)));
    }
  }
}

template <class Words>
EMBEDTOOL_AVX512 inline void multiply(const PanelArgs& a) {
  std::size_t row = 0;
  for (; row + kRows <= a.rows; row += kRows) tile<Words, kRows>(a, row);
  if (row + 4 <= a.rows) {
    tile<Words, 4>(a, row);
    row += 4;
  }
  for (; row + 2 <= a.rows; row += 2) tile<Words, 2>(a, row);
  if (row < a.rows) tile<Words, 1>(a, row);
}

}  // namespace

EMBEDTOOL_AVX512 void multiply_bf16_avx512(const PanelArgs& args) {
  multiply<Bf16Words>(args);
}

EMBEDTOOL_AVX512 void multiply_i8_avx512(const PanelArgs& args) {
  multiply<I8Words>(args);
}

EMBEDTOOL_AVX512 RowScale pack_bf16_avx512(const float* x, std::size_t n, std::uint32_t* words) {
  auto* out = reinterpret_cast<std::byte*>(words);
  if (n % 2 != 0) words[n / 2] = 0;
  for (std::size_t i = 0; i < n; i += kLanes) {
    const std::size_t left = n - i;
    const __mmask16 mask = static_cast<__mmask16>(left >= kLanes ? 0xffffU : (1U << left) - 1U);
    const __m256bh narrow = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, x + i));
    _mm256_mask_storeu_epi16(out + 2 * i, mask, (__m256i)narrow);
  }
  return {};
}

}  // namespace embedtool

#else  // not x86-64

namespace embedtool {

void multiply_bf16_avx512(const PanelArgs&) {}
void multiply_i8_avx512(const PanelArgs&) {}
RowScale pack_bf16_avx512(const float*, std::size_t, std::uint32_t*) {
  return {};
}

}  // namespace embedtool

#endif
