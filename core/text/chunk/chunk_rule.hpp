#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/base/enum_words.hpp"

namespace embedtool {

/// Where a long text is cut, if what is between two such places fits in a chunk.
enum class ChunkBy : std::uint8_t { token, sentence, paragraph };
template <>
inline constexpr auto enum_words<ChunkBy> = std::to_array<EnumWord<ChunkBy>>({
    {ChunkBy::token, "token"},
    {ChunkBy::sentence, "sentence"},
    {ChunkBy::paragraph, "paragraph"},
});

/// How texts are cut into chunks.
struct ChunkRule {
  std::size_t overlap = 0;  ///< most tokens of a chunk that the one before it has as well
  ChunkBy by = ChunkBy::sentence;
};

}  // namespace embedtool
