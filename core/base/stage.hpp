#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/enum_words.hpp"

namespace embedtool {

/// Every second of a thread belongs to exactly one stage. A fixed list: reports, traces and tests
/// share it.
enum class Stage : std::uint8_t {
  read,  ///< input bytes, decompression, parsing
  tokenize,
  chunk,   ///< cutting long texts
  plan,    ///< duplicates, sorting, cutting batches
  batch,   ///< building ragged batches ("tensor conversion")
  lookup,  ///< embedding gather
  gemm,
  attention,
  elementwise,  ///< layer norm, residual, activation outside of GEMM
  pool,
  head,  ///< dense layers after pooling
  normalize,
  quantize,  ///< output dtype
  write,     ///< shard encoding, compression, write(2)
  sync,      ///< fsync and rename
  load,      ///< model loading
  idle,      ///< waiting for work
  other,
};
inline constexpr std::size_t kStageCount = static_cast<std::size_t>(Stage::other) + 1;

template <>
inline constexpr auto enum_words<Stage> = std::to_array<EnumWord<Stage>>({
    {Stage::read, "read"},
    {Stage::tokenize, "tokenize"},
    {Stage::chunk, "chunk"},
    {Stage::plan, "plan"},
    {Stage::batch, "batch"},
    {Stage::lookup, "lookup"},
    {Stage::gemm, "gemm"},
    {Stage::attention, "attention"},
    {Stage::elementwise, "elementwise"},
    {Stage::pool, "pool"},
    {Stage::head, "head"},
    {Stage::normalize, "normalize"},
    {Stage::quantize, "quantize"},
    {Stage::write, "write"},
    {Stage::sync, "sync"},
    {Stage::load, "load"},
    {Stage::idle, "idle"},
    {Stage::other, "other"},
});

}  // namespace embedtool
