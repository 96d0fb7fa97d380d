#include "formats/hub/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

namespace embedtool {

FileLock::FileLock(const std::string& path, const std::function<bool()>& go_on) {
  constexpr mode_t kMode = 0664;  // as Python has it: users of one cache share its locks
  while (true) {
    fd_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kMode));
    if (!fd_) return;
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0) {
      struct stat info {};
      // Whoever had it may have removed the file, and then others lock another one.
      if (::fstat(fd_.get(), &info) != 0 || info.st_nlink > 0) return;
      continue;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) return;
    if (!go_on()) {
      fd_.reset();
      return;
    }
  }
}

}  // namespace embedtool
