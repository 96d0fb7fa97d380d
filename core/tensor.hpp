#pragma once

// Stored tensors: element types, sizes, and a view of one.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/enum_words.hpp"

namespace embedtool {

/// Element type of a stored tensor.
enum class DType : std::uint8_t {
  f32,
  f16,
  bf16,
  i8,
  u8,
  i32,
  i64,
  f64,
  boolean,
  f8_e4m3,  ///< OCP's: no infinities, 0x7f and 0xff are NaN
  f8_e5m2,  ///< the upper byte of an f16
  // Blocks of elements with scales of their own, as llama.cpp stores them: see dequantize.hpp.
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q8_0,  ///< kQ8Block int8 values behind an f16 scale
  q4_k,
  q5_k,
  q6_k
};

inline constexpr std::size_t kQ8Block = 32;

/// How a type that is stored in blocks is laid out.
struct BlockLayout {
  std::size_t elements = 1;
  std::size_t bytes = 0;
};

/// The layout of a type that is stored in blocks; one element of 0 bytes for any other.
constexpr BlockLayout block_layout(DType t) {
  switch (t) {
    case DType::q4_0:
      return {32, 18};
    case DType::q4_1:
      return {32, 20};
    case DType::q5_0:
      return {32, 22};
    case DType::q5_1:
      return {32, 24};
    case DType::q8_0:
      return {kQ8Block, kQ8Block + 2};
    case DType::q4_k:
      return {256, 144};
    case DType::q5_k:
      return {256, 176};
    case DType::q6_k:
      return {256, 210};
    default:
      return {};
  }
}

constexpr bool is_blocked(DType t) {
  return block_layout(t).bytes > 0;
}

/// Bytes of one element; 0 for types that are sized in blocks.
constexpr std::size_t size_of(DType t) {
  switch (t) {
    case DType::f64:
    case DType::i64:
      return 8;
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::f16:
    case DType::bf16:
      return 2;
    case DType::i8:
    case DType::u8:
    case DType::boolean:
    case DType::f8_e4m3:
    case DType::f8_e5m2:
      return 1;
    default:
      return 0;
  }
}

/// Bytes of `n` stored elements that follow each other; of types in blocks, whole blocks.
constexpr std::size_t stored_bytes(DType t, std::size_t n) {
  const BlockLayout block = block_layout(t);
  return block.bytes > 0 ? n / block.elements * block.bytes : n * size_of(t);
}

template <>
inline constexpr auto enum_words<DType> = std::to_array<EnumWord<DType>>({
    {DType::f32, "f32"},         {DType::f16, "f16"},         {DType::bf16, "bf16"},
    {DType::i8, "i8"},           {DType::u8, "u8"},           {DType::i32, "i32"},
    {DType::i64, "i64"},         {DType::f64, "f64"},         {DType::boolean, "bool"},
    {DType::f8_e4m3, "f8_e4m3"}, {DType::f8_e5m2, "f8_e5m2"}, {DType::q4_0, "q4_0"},
    {DType::q4_1, "q4_1"},       {DType::q5_0, "q5_0"},       {DType::q5_1, "q5_1"},
    {DType::q8_0, "q8_0"},       {DType::q4_k, "q4_k"},       {DType::q5_k, "q5_k"},
    {DType::q6_k, "q6_k"},
});

/// A tensor inside a WeightSource: row-major, bounds already checked, not necessarily aligned to
/// its element size. Valid as long as the source.
struct TensorView {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;

  std::int64_t elements() const {
    std::int64_t n = 1;
    for (const std::int64_t d : shape) n *= d;
    return n;
  }
};

}  // namespace embedtool
