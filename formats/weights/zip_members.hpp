#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

namespace embedtool {

/// The uncompressed members of a ZIP archive, by name, in place. Throws Damaged for archives that
/// are damaged, compressed, encrypted or in several volumes. Archives beyond 4 GiB (ZIP64) are
/// read.
std::map<std::string, std::span<const std::byte>> zip_members(std::span<const std::byte> bytes);

}  // namespace embedtool
