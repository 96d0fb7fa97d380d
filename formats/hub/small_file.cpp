#include "formats/hub/small_file.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "core/base/error.hpp"
#include "formats/io/file_ops.hpp"
#include "formats/io/unique_fd.hpp"

namespace embedtool {

std::optional<std::string> read_small_file(const std::string& path, std::size_t cap) {
  // Without O_NONBLOCK, opening a pipe in the file's place would wait for a writer.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw Error(ExitCode::failed, "{}: cannot open: {}", path, std::strerror(errno));
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    throw Error(ExitCode::failed, "{}: is not a regular file", path);
  }
  std::string text(cap + 1, '\0');
  const ssize_t size =
      read_fully(system_file_ops(), fd.get(), 0, std::as_writable_bytes(std::span(text)));
  if (size < 0) throw Error(ExitCode::failed, "{}: cannot read: {}", path, std::strerror(errno));
  if (static_cast<std::size_t>(size) > cap) {
    throw Error(ExitCode::failed, "{}: is larger than {} bytes", path, cap);
  }
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace embedtool
