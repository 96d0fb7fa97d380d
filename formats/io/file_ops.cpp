#include "formats/io/file_ops.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace embedtool {

int FileOps::open_at(int dir, const char* name, int flags, mode_t mode) {
  return ::openat(dir, name, flags | O_CLOEXEC, mode);
}
int FileOps::make_dir_at(int dir, const char* name, mode_t mode) {
  return ::mkdirat(dir, name, mode);
}
int FileOps::remove_dir_at(int dir, const char* name) {
  return ::unlinkat(dir, name, AT_REMOVEDIR);
}
ssize_t FileOps::write(int fd, const void* data, std::size_t size) {
  return ::write(fd, data, size);
}
ssize_t FileOps::pwrite(int fd, const void* data, std::size_t size, off_t offset) {
  return ::pwrite(fd, data, size, offset);
}
ssize_t FileOps::pread(int fd, void* data, std::size_t size, off_t offset) {
  return ::pread(fd, data, size, offset);
}
int FileOps::truncate(int fd, off_t size) {
  return ::ftruncate(fd, size);
}
int FileOps::fsync(int fd) {
  return ::fsync(fd);
}
int FileOps::rename_at(int from_dir, const char* from, int to_dir, const char* to) {
  return ::renameat(from_dir, from, to_dir, to);
}
int FileOps::link_at(int from_dir, const char* from, int to_dir, const char* to) {
  return ::linkat(from_dir, from, to_dir, to, 0);
}
int FileOps::unlink_at(int dir, const char* name) {
  return ::unlinkat(dir, name, 0);
}
int FileOps::status(int fd, struct stat* out) {
  return ::fstat(fd, out);
}
int FileOps::status_at(int dir, const char* name, struct stat* out) {
  return ::fstatat(dir, name, out, AT_SYMLINK_NOFOLLOW);
}
int FileOps::lock(int fd) {
  return ::flock(fd, LOCK_EX | LOCK_NB);
}

FileOps& system_file_ops() {
  static FileOps ops;
  return ops;
}

ssize_t read_fully(FileOps& ops, int fd, std::uint64_t offset, std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n =
        ops.pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (n == 0) break;
    if (n > 0) {
      done += static_cast<std::size_t>(n);
    } else if (errno != EINTR) {
      return -1;
    }
  }
  return static_cast<ssize_t>(done);
}

}  // namespace embedtool
