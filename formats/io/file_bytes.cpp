#include "formats/io/file_bytes.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/error.hpp"
#include "formats/io/file_ops.hpp"

namespace embedtool {

FileBytes::FileBytes(const std::string& path, const std::string& name, const std::string& remedy)
    : name_(name) {
  if (path == "-") {
    fd_ = STDIN_FILENO;
  } else {
    // A named pipe that nobody writes to keeps no one waiting: it is refused below.
    owned_.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!owned_) throw Error(ExitCode::failed, "{}: cannot open: {}", name_, std::strerror(errno));
    fd_ = owned_.get();
  }
  struct stat info {};
  if (::fstat(fd_, &info) != 0) {
    throw Error(ExitCode::failed, "{}: cannot open: {}", name_, std::strerror(errno));
  }
  if (!S_ISREG(info.st_mode)) throw Error(ExitCode::failed, "{}: {}", name_, remedy);
  size_ = static_cast<std::uint64_t>(info.st_size);
}

void FileBytes::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  const ssize_t got = read_fully(system_file_ops(), fd_, offset, out);
  if (got < 0) {
    throw Error(ExitCode::failed, "{}: cannot read at byte {}: {}", name_, offset,
                std::strerror(errno));
  }
  if (static_cast<std::size_t>(got) < out.size()) {
    throw Error(ExitCode::failed, "{}: ends at byte {}, earlier than it did: it was changed", name_,
                offset + static_cast<std::uint64_t>(got));
  }
}

}  // namespace embedtool
