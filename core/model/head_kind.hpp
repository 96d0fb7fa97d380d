#pragma once

#include <array>
#include <cstdint>

#include "core/base/enum_words.hpp"

namespace embedtool {

/// The heads that a model can have beside each other: what `--head` chooses among.
enum class HeadKind : std::uint8_t {
  dense,    ///< one vector a text
  sparse,   ///< weights of the vocabulary's tokens
  colbert,  ///< one vector a token
};
template <>
inline constexpr auto enum_words<HeadKind> = std::to_array<EnumWord<HeadKind>>({
    {HeadKind::dense, "dense"},
    {HeadKind::sparse, "sparse"},
    {HeadKind::colbert, "colbert"},
});

}  // namespace embedtool
