#pragma once

// JSON whose last member is a hash of all that precedes it: manifest, journal, units.

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/base/hash.hpp"

namespace embedtool {

using SealedJson = nlohmann::ordered_json;

/// An object as a file with indentation, or as one line with its newline; `checksum` is added as
/// its last member. Bytes that are not UTF-8 are replaced.
std::string sealed(const SealedJson& json);
std::string sealed_line(const SealedJson& json);

/// Whether every byte is what sealed(), or sealed_line(), wrote.
bool seal_holds(std::string_view text);
bool line_seal_holds(std::string_view text);

/// Parses hostile text; what nests too deep or has more than `most` values and members is Damaged.
/// Throws SealedJson::exception for bad syntax.
SealedJson parse_sealed(std::string_view text, std::size_t most);

/// A member that is a non-negative integer. Throws Damaged or SealedJson::exception.
std::uint64_t number(const SealedJson& json, const char* key);
/// Of 32 lower-case digits, and nothing else. Throws Damaged.
Hash128 hash_from(const std::string& hex);

}  // namespace embedtool
