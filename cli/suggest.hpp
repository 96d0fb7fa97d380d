#pragma once

#include <span>
#include <string>
#include <string_view>

namespace embedtool {

/// The candidate that a user who typed `word` most likely meant, or empty when none is close: at
/// most a third of its letters inserted, deleted, replaced or swapped with a neighbour.
std::string closest(std::string_view word, std::span<const std::string> candidates);

/// "; did you mean WORD?" when a candidate is close, else empty.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace embedtool
