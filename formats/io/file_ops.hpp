#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace embedtool {

/// Every system call used to publish an output, as one virtual function with the semantics of the
/// call of that name (-1 and errno on failure), so that tests can make the k-th call fail or write
/// short. As thread-safe as the calls themselves.
class FileOps {
 public:
  virtual ~FileOps() = default;
  virtual int open_at(int dir, const char* name, int flags, mode_t mode);
  virtual int make_dir_at(int dir, const char* name, mode_t mode);
  virtual int remove_dir_at(int dir, const char* name);  ///< unlinkat with AT_REMOVEDIR
  virtual ssize_t write(int fd, const void* data, std::size_t size);
  virtual ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset);
  virtual ssize_t pread(int fd, void* data, std::size_t size, off_t offset);
  virtual int truncate(int fd, off_t size);
  virtual int fsync(int fd);
  virtual int rename_at(int from_dir, const char* from, int to_dir, const char* to);
  /// A second name for a file; fails where there is such a name.
  virtual int link_at(int from_dir, const char* from, int to_dir, const char* to);
  virtual int unlink_at(int dir, const char* name);
  virtual int status(int fd, struct stat* out);
  virtual int status_at(int dir, const char* name, struct stat* out);  ///< follows no link
  virtual int lock(int fd);  ///< flock, exclusive, without waiting
};

/// The real calls. Stateless, lives for the whole program.
FileOps& system_file_ops();

/// Reads up to out.size() bytes at `offset`, fewer only at the end; returns how many, or -1 with
/// errno.
ssize_t read_fully(FileOps& ops, int fd, std::uint64_t offset, std::span<std::byte> out);

}  // namespace embedtool
