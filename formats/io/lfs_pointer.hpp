#pragma once

#include <string_view>

namespace embedtool {

/// Is the text the pointer that Git LFS leaves in place of a file that was not fetched? (Its
/// specification, version 1, and the name that it had before.)
inline bool is_lfs_pointer(std::string_view text) {
  return text.starts_with("version https://git-lfs.github.com/spec/") ||
         text.starts_with("version https://hawser.github.com/spec/");
}

}  // namespace embedtool
