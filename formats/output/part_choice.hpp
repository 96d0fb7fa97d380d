#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/corpus/corpus_units.hpp"

namespace embedtool {

/// Units first … last, both included.
struct UnitSpan {
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  friend bool operator==(const UnitSpan&, const UnitSpan&) = default;
};

/// Which units of a job a process takes: part `part` of `parts`, counted from 1, of all units or of
/// those that are listed.
struct PartChoice {
  std::uint64_t part = 1;
  std::uint64_t parts = 1;
  std::optional<std::vector<UnitSpan>> units;
  std::uint64_t unit_bytes = 0;  ///< a power of two; 0 = default_unit_bytes()
};

/// "17,40-43": numbers and spans, separated by commas, blanks or line ends, in any order. Throws
/// Error(usage) naming `option` for anything else, and for an empty list.
std::vector<UnitSpan> parse_unit_list(std::string_view option, std::string_view text);
/// The shortest list of ascending numbers: "17,40-43".
std::string show_units(std::span<const std::size_t> units);

/// The units that a process takes, ascending: contiguous among those that are dealt, and as many
/// stored bytes for each part as units allow. Throws Error(usage) for units that there are not.
std::vector<std::size_t> choose_units(std::span<const CorpusUnit> all, const PartChoice& choice);

}  // namespace embedtool
