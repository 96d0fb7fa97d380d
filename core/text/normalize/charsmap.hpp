#pragma once

#include <string>
#include <string_view>

namespace embedtool {

/// Checks a sentencepiece "precompiled charsmap": a double-array trie (Darts) from character
/// sequences to places in a pool of replacements, each ending in NUL. The library that walks it
/// trusts every offset, so a damaged or hostile one must be refused before.
/// Returns what is wrong with `blob`, or an empty string. Linear in the blob's size.
std::string charsmap_fault(std::string_view blob);

}  // namespace embedtool
