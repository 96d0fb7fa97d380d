#pragma once

#include <cstddef>
#include <cstdint>

namespace embedtool {

/// Every second of a thread belongs to exactly one stage. A fixed list: reports, traces and tests
/// share it.
enum class Stage : std::uint8_t {
  read,  ///< input bytes, decompression, parsing
  tokenize,
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

const char* name_of(Stage stage);

}  // namespace embedtool
