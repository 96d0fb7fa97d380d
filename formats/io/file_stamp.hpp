#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace embedtool {

/// How a file looks from outside. The change time (ctime) makes it safe: no program can set it
/// back, so that two equal stamps of one name saw the same bytes, also where modification times are
/// kept by copying or all set to one value.
struct FileStamp {
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;  ///< since 1970
  std::int64_t changed_ns = 0;   ///< likewise

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// A name that was looked up and what was found: no stamp = there was no such file.
struct StampedFile {
  std::string name;
  std::optional<FileStamp> stamp;

  friend bool operator==(const StampedFile&, const StampedFile&) = default;
};

}  // namespace embedtool
