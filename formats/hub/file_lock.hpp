#pragma once

#include <functional>
#include <string>

#include "formats/io/unique_fd.hpp"

namespace embedtool {

/// huggingface_hub's lock on a file (flock on NAME.lock), so that a file is downloaded once where
/// several want it. Nothing depends on it: where locks do not work it is as if it were taken.
class FileLock {
 public:
  /// Waits while another process has the lock: asks `go_on` before each pause, which waits, and
  /// gives up the lock when that says so.
  FileLock(const std::string& path, const std::function<bool()>& go_on);

 private:
  UniqueFd fd_;
};

}  // namespace embedtool
