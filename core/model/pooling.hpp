#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/enum_words.hpp"

namespace embedtool {

/// How token states become one vector (sentence-transformers' Pooling module).
enum class Pooling : std::uint8_t { cls, mean, max, mean_sqrt_len, weighted_mean, last, none };

template <>
inline constexpr auto enum_words<Pooling> = std::to_array<EnumWord<Pooling>>({
    {Pooling::mean, "mean"},
    {Pooling::cls, "cls"},
    {Pooling::max, "max"},
    {Pooling::last, "last"},
    {Pooling::weighted_mean, "weightedmean"},
    {Pooling::mean_sqrt_len, "mean_sqrt_len"},
    {Pooling::none, "none"},
});

/// Pools `tokens` states of `hidden` floats, rows back to back, into out[hidden]:
/// cls: the first; last: the last; max: element-wise; mean: Σ/n; mean_sqrt_len: Σ/√n;
/// weighted_mean: Σ i·x_i / Σ i with i from 1 (Muennighoff 2022). `none` is not a pooling to one
/// vector and must not be asked for. The first `skipped` tokens (a prompt's) are left out; those of
/// a weighted mean keep their weights. No token left gives a zero vector, but for cls the first
/// token of all. Thread-safe.
void pool(Pooling pooling, const float* states, std::size_t tokens, std::size_t hidden, float* out,
          std::size_t skipped = 0);

}  // namespace embedtool
