#pragma once

// Sizes and scratch memory of attention in int8 (attention_int8.cpp), the same for every
// instruction set.

#include <cstddef>
#include <cstdint>

#include "core/base/memory.hpp"

namespace embedtool::int8 {

/// Keys of a strip, and what widths are padded to: the lanes of the widest vector.
constexpr std::size_t kStrip = 16;
/// Bytes that one product takes.
constexpr std::size_t kQuad = 4;
/// Keys whose weights share a scale.
constexpr std::size_t kShared = 128;
/// Keys whose scores are held at a time.
constexpr std::size_t kBlock = 512;
/// Query rows computed together, and their number rounded up to whole vectors of up to 8 lanes.
constexpr std::size_t kRows = 6;
constexpr std::size_t kRowLanes = 8;
/// Groups of rows that pass over the keys together and share a block while it is in L2.
constexpr std::size_t kTileGroups = 16;

/// Sizes of the packed operands, for one length and head size.
struct Layout {
  Layout(std::size_t length, std::size_t head_dim)
      : quads(round_up(head_dim, kQuad) / kQuad),
        width(round_up(head_dim, kStrip)),
        padded(round_up(length, kStrip) + kShared) {}

  std::size_t quads;   ///< of one key
  std::size_t width;   ///< of one value, in dimensions
  std::size_t padded;  ///< keys, with what whole vectors and groups read beyond the last

  std::size_t key_bytes() const { return padded * quads * kQuad; }
  std::size_t value_bytes() const { return padded * width; }
  /// Where quadruple q of a key is: a strip's keys are side by side.
  std::size_t key_offset(std::size_t key, std::size_t q) const {
    return (key / kStrip * quads + q) * kStrip * kQuad + key % kStrip * kQuad;
  }
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

/// kRows query rows on their way over the keys, block by block.
struct RowGroup {
  std::uint8_t* query;  ///< [kRows, quads, 4], + 128
  float* mixed;         ///< [kRows, width]: Σ weight · value, in units of value_scale
  float scale[kRows];   ///< multiplies a row's scores, log2(e) included
  float maxima[kRowLanes];
  float sums[kRowLanes];
  std::size_t top_key[kRows];  ///< the (first) key whose score is the row's maximum
  std::size_t first;
  std::size_t begin;  ///< keys that any of the rows sees, from a multiple of 16 on
  std::size_t end;
};

/// What each row's weights of kShared keys have in common; a lane per row.
struct SharedWeights {
  float top[kRowLanes] = {};    ///< the largest score, a multiple of ln 2; -infinity if all hidden
  float sum[kRowLanes] = {};    ///< of the weights
  float scale[kRowLanes] = {};  ///< what a weight of 1 stands for, beside the row's maximum
};

/// Hands out aligned parts of a piece of memory; without memory, it only counts.
class Parts {
 public:
  explicit Parts(std::byte* memory) : memory_(memory) {}
  std::size_t bytes() const { return bytes_; }
  template <typename T>
  T* take(std::size_t count) {
    std::byte* part = memory_ == nullptr ? nullptr : memory_ + bytes_;
    bytes_ += round_up(count * sizeof(T), kAlignment);
    return reinterpret_cast<T*>(part);
  }

 private:
  std::byte* memory_;
  std::size_t bytes_ = 0;
};

/// Everything that is in the scratch memory.
struct Work {
  Work(const Layout& sizes, Parts& parts)
      : layout(sizes),
        head{.keys = parts.take<std::int8_t>(layout.key_bytes()),
             .key_scale = parts.take<float>(layout.padded),
             .key_shift = parts.take<std::int32_t>(layout.padded),
             .values = parts.take<std::int8_t>(layout.value_bytes()),
             .key_mean = parts.take<float>(layout.width),
             .value_mean = parts.take<float>(layout.width),
             .value_scale = parts.take<float>(layout.width)},
        scores(parts.take<float>(kRows * kBlock)),
        weights(parts.take<std::uint8_t>(kRows * kBlock)) {
    for (RowGroup& group : tile) {
      group.query = parts.take<std::uint8_t>(kRows * layout.quads * kQuad);
      group.mixed = parts.take<float>(kRows * layout.width);
    }
  }

  Layout layout;
  Head head;
  float* scores;          ///< [kRows, kBlock]; a row's factor comes with the softmax
  std::uint8_t* weights;  ///< [kRows, kBlock]
  RowGroup tile[kTileGroups];
};

}  // namespace embedtool::int8
