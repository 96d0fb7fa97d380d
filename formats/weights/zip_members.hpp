#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <stdexcept>
#include <string>

namespace embedtool {

/// A file is not what its format says; the reader's caller adds the file's name and advice.
class BadArchive : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws BadArchive with `what` unless the condition holds.
inline void require(bool condition, const char* what) {
  if (!condition) throw BadArchive(what);
}

/// The members of a ZIP archive that are stored as they are, by name, in place. Throws BadArchive
/// for what is damaged, compressed, encrypted or in several volumes; archives beyond 4 GiB (ZIP64)
/// are refused as well.
std::map<std::string, std::span<const std::byte>> zip_members(std::span<const std::byte> bytes);

}  // namespace embedtool
