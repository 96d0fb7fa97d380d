#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace embedtool {

/// What a walk of a folder takes.
struct WalkOptions {
  /// Shell patterns (fnmatch(3)); a file must match one of them, if there are any. One with a slash
  /// is compared with the path below the folder, one without with the file's own name.
  std::vector<std::string> globs;
  std::string except;  ///< a folder that is passed over, wherever it is met; empty: none
};

/// What a walk passed over.
struct WalkSkips {
  std::uint64_t hidden = 0;        ///< names that begin with a dot
  std::uint64_t folder_links = 0;  ///< symbolic links to folders: they may lead in circles
  std::uint64_t special = 0;       ///< neither files nor folders
};

/// Calls `take` with the path of every file in a folder and below, in the order of the paths'
/// bytes. Files that are symbolic links are followed. Holds the names of the folders on the way
/// down, not those of the whole tree. Throws Error(failed) naming what cannot be read.
WalkSkips walk_folder(const std::string& folder, const WalkOptions& options,
                      const std::function<void(const std::string&)>& take);

}  // namespace embedtool
