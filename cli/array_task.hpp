#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace embedtool {

/// A process's place among those of a job: part `part` of `parts`, counted from 1.
struct ArrayPlace {
  std::uint64_t part = 1;
  std::uint64_t parts = 1;
};

/// `--part` as typed.
struct PartWish {
  bool automatic = false;   ///< the engine's variables tell the part
  std::uint64_t part = 1;   ///< unless automatic
  std::uint64_t parts = 0;  ///< 0 = the engine's variables tell
  /// Index of the first task; none = as the engine counts.
  std::optional<std::uint64_t> base = std::nullopt;
};

/// "3/8", "auto", "auto/8" or "auto/8@1". Throws Error(usage).
PartWish parse_part(const std::string& word);

/// Finds the place of this process. `variable` looks one up in the environment; none = unset.
/// Throws Error(usage), with advice, outside of arrays, within several at once, and where the
/// variables leave the part or the number of parts open.
ArrayPlace find_place(const PartWish& wish,
                      const std::function<std::optional<std::string>(const char*)>& variable);

/// The process's own environment.
std::optional<std::string> environment_variable(const char* name);

}  // namespace embedtool
