#include "core/math/dequantize.hpp"

#include <cstdint>
#include <cstring>

#include "core/base/check.hpp"
#include "core/math/half.hpp"

namespace embedtool {
namespace {

unsigned byte_at(const std::byte* bytes, std::size_t i) {
  return std::to_integer<unsigned>(bytes[i]);
}

float half_at(const std::byte* bytes) {
  std::uint16_t bits;
  std::memcpy(&bits, bytes, sizeof bits);
  return half_to_float(bits);
}

// 32 elements: an f16 scale, an f16 least value (q4_1, q5_1), a fifth bit each (q5_0, q5_1), then
// four bits each, the second half of the elements in the upper ones.
void widen_32(const std::byte* block, bool fifth_bits, bool has_least, float* out) {
  const float scale = half_at(block);
  const float least = has_least ? half_at(block + 2) : 0.0F;
  const std::byte* at = block + (has_least ? 4 : 2);
  std::uint32_t high = 0;
  if (fifth_bits) {
    std::memcpy(&high, at, sizeof high);
    at += sizeof high;
  }
  const int middle = has_least ? 0 : fifth_bits ? 16 : 8;
  for (std::size_t i = 0; i < 32; ++i) {
    const unsigned packed = byte_at(at, i % 16);
    const unsigned low = i < 16 ? packed & 15U : packed >> 4U;
    const auto q = static_cast<int>(low | (fifth_bits ? (high >> i & 1U) << 4U : 0U)) - middle;
    out[i] = static_cast<float>(q) * scale + least;
  }
}

struct ScaleAndLeast {
  unsigned scale, least;
};

// Eight pairs of 6 bits in 12 bytes: four of each whole, the others' lower four bits behind them
// and their upper two in the first eight bytes.
ScaleAndLeast sixth_bits(const std::byte* packed, std::size_t j) {
  if (j < 4) return {byte_at(packed, j) & 63U, byte_at(packed, j + 4) & 63U};
  const unsigned both = byte_at(packed, j + 4);
  return {(both & 15U) | (byte_at(packed, j - 4) >> 6U) << 4U,
          (both >> 4U) | (byte_at(packed, j) >> 6U) << 4U};
}

// 256 elements in eight runs of 32: scale and least of the block, those of the runs, the fifth bits
// (q5_k), and four bits each, of two runs in one byte.
void widen_k(const std::byte* block, bool fifth_bits, float* out) {
  const float scale = half_at(block);
  const float least = half_at(block + 2);
  const std::byte* runs = block + 4;
  const std::byte* high = block + 16;
  const std::byte* low = fifth_bits ? high + 32 : high;
  for (std::size_t j = 0; j < 8; ++j) {
    const ScaleAndLeast run = sixth_bits(runs, j);
    const float run_scale = scale * static_cast<float>(run.scale);
    const float run_least = least * static_cast<float>(run.least);
    for (std::size_t i = 0; i < 32; ++i) {
      const unsigned packed = byte_at(low, j / 2 * 32 + i);
      unsigned q = j % 2 == 0 ? packed & 15U : packed >> 4U;
      if (fifth_bits) q |= (byte_at(high, i) >> j & 1U) << 4U;
      out[j * 32 + i] = run_scale * static_cast<float>(q) - run_least;
    }
  }
}

// 256 elements: lower four bits, upper two, an int8 scale for each 16, the block's f16 scale. Each
// half of 128 has its elements 32 apart in the same bytes.
void widen_q6(const std::byte* block, float* out) {
  const float scale = half_at(block + 208);
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t half = i / 128;
    const std::size_t quarter = i % 128 / 32;
    const std::size_t column = i % 32;
    const unsigned low = byte_at(block, half * 64 + quarter % 2 * 32 + column);
    const unsigned high = byte_at(block, 128 + half * 32 + column);
    const unsigned bits = (quarter < 2 ? low & 15U : low >> 4U) | (high >> 2 * quarter & 3U) << 4U;
    const auto run = static_cast<std::int8_t>(byte_at(block, 192 + i / 16));
    out[i] = scale * static_cast<float>(run) * static_cast<float>(static_cast<int>(bits) - 32);
  }
}

void widen_block(const std::byte* block, DType type, float* out) {
  switch (type) {
    case DType::q4_0:
      return widen_32(block, false, false, out);
    case DType::q4_1:
      return widen_32(block, false, true, out);
    case DType::q5_0:
      return widen_32(block, true, false, out);
    case DType::q5_1:
      return widen_32(block, true, true, out);
    case DType::q4_k:
      return widen_k(block, false, out);
    case DType::q5_k:
      return widen_k(block, true, out);
    case DType::q6_k:
      return widen_q6(block, out);
    default:
      EMBEDTOOL_CHECK(false);
  }
}

}  // namespace

void dequantize(const std::byte* blocks, DType type, std::size_t n, float* out) {
  const BlockLayout layout = block_layout(type);
  EMBEDTOOL_CHECK(layout.bytes > 0 && n % layout.elements == 0);
  for (std::size_t i = 0; i < n; i += layout.elements) {
    widen_block(blocks, type, out + i);
    blocks += layout.bytes;
  }
}

}  // namespace embedtool
