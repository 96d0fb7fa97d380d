#pragma once

// Numbers formatted for people; for messages and tables, never for files that programs read.

#include <cstdint>
#include <string>
#include <string_view>

namespace embedtool {

/// "1 234 567": groups of three digits.
std::string human_count(std::uint64_t n);
/// "1 row", "2 rows": for a `noun` whose plural ends in s.
std::string human_count(std::uint64_t n, std::string_view noun);
/// "950 µs", "12.3 s", "4 min 10 s".
std::string human_seconds(double seconds);
/// "87 MB" (decimal units), "512 bytes".
std::string human_bytes(std::uint64_t bytes);

}  // namespace embedtool
