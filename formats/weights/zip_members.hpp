#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

namespace embedtool {

/// The members of a ZIP archive that are stored as they are, by name, in place. Throws Damaged
/// for what is damaged, compressed, encrypted or in several volumes; archives beyond 4 GiB (ZIP64)
/// are refused as well.
std::map<std::string, std::span<const std::byte>> zip_members(std::span<const std::byte> bytes);

}  // namespace embedtool
