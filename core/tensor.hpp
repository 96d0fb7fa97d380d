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
  q8_0      ///< blocks of kQ8Block int8 values behind an f16 scale (llama.cpp)
};

inline constexpr std::size_t kQ8Block = 32;

/// Bytes of one element; 0 for q8_0, which is sized in blocks.
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
    case DType::q8_0:
      return 0;
  }
  return 0;
}

/// Bytes of `n` stored elements that follow each other; of q8_0, whole blocks.
constexpr std::size_t stored_bytes(DType t, std::size_t n) {
  return t == DType::q8_0 ? n / kQ8Block * (kQ8Block + 2) : n * size_of(t);
}

template <>
inline constexpr auto enum_words<DType> = std::to_array<EnumWord<DType>>({
    {DType::f32, "f32"},
    {DType::f16, "f16"},
    {DType::bf16, "bf16"},
    {DType::i8, "i8"},
    {DType::u8, "u8"},
    {DType::i32, "i32"},
    {DType::i64, "i64"},
    {DType::f64, "f64"},
    {DType::boolean, "bool"},
    {DType::f8_e4m3, "f8_e4m3"},
    {DType::f8_e5m2, "f8_e5m2"},
    {DType::q8_0, "q8_0"},
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
