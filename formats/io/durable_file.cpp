#include "formats/io/durable_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <random>
#include <utility>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

constexpr mode_t kFileMode = 0666;  // the umask narrows it
constexpr mode_t kDirectoryMode = 0777;
constexpr std::size_t kReadChunk = std::size_t{256} << 10;

const char* advice(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "; free some space and run the same command again";
    case EACCES:
    case EPERM:
    case EROFS:
      return "; choose an output directory that you may write to";
    case ENOTDIR:
      return "; name a directory, not a file";
    case EMFILE:
    case ENFILE:
      return "; raise the limit on open files (ulimit -n)";
    case ELOOP:
      return "; it is a symbolic link, and links are not followed: remove it";
    default:
      return "";
  }
}

int open_retrying(FileOps& ops, int dir, const char* name, int flags) {
  int fd = -1;
  do {
    fd = ops.open_at(dir, name, flags, kFileMode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

int sync_retrying(FileOps& ops, int fd) {
  while (ops.fsync(fd) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

// Only the last name's failure counts: a parent may exist and refuse mkdir for reasons of its own
// (read-only file system, automounter).
void make_directories(const std::string& path, FileOps& ops) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (ops.make_dir_at(AT_FDCWD, part.c_str(), kDirectoryMode) == 0) {
      // The new name is durable once its parent is.
      const std::size_t slash = part.find_last_of('/');
      const std::string parent = slash == std::string::npos ? "." : part.substr(0, slash + 1);
      const UniqueFd fd(open_retrying(ops, AT_FDCWD, parent.c_str(), O_RDONLY | O_DIRECTORY));
      if (fd) sync_retrying(ops, fd.get());
    } else if (errno != EEXIST && end == std::string::npos) {
      throw Error(ExitCode::failed, "{}: cannot make the directory: {}{}", part,
                  std::strerror(errno), advice(errno));
    }
    if (end == std::string::npos) return;
  }
}

}  // namespace

std::string host_name() {
  constexpr std::size_t kHostLetters = 32;
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::string safe;
  for (const char c : std::string_view(host.data()).substr(0, kHostLetters)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    safe += plain ? c : '_';
  }
  return safe;
}

std::string temp_name_for(std::string_view name) {
  // Two containers may share a folder, a host name and process numbers.
  std::uint32_t chance = 0;
  if (::getentropy(&chance, sizeof chance) != 0) chance = std::random_device{}();
  return fmt::format("{}{}-{}-{:08x}-{}", kTempPrefix, host_name(), ::getpid(), chance,
                     name.substr(name.find('/') + 1));
}

int write_fully(FileOps& ops, int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ops.write(fd, bytes.data(), bytes.size());
    if (n > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    } else if (n == 0) {
      return EIO;  // a file that takes nothing and says nothing
    } else if (errno == EAGAIN) {
      // A pipe that somebody else made non-blocking.
      pollfd ready{fd, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

Directory::Directory(const std::string& path, bool create, FileOps& ops) : path_(path), ops_(&ops) {
  if (create) make_directories(path, ops);
  fd_.reset(open_retrying(ops, AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY));
  if (!fd_) {
    const int error = errno;
    throw Error(ExitCode::failed, "{}: cannot open the directory: {}{}", path, std::strerror(error),
                advice(error));
  }
}

std::string Directory::path_of(std::string_view name) const {
  std::string out = path_;
  if (out.empty() || out.back() != '/') out += '/';
  return out.append(name);
}

void Directory::fail(std::string_view name, const char* doing, int error) const {
  throw Error(ExitCode::failed, "{}: cannot {}: {}{}", path_of(name), doing, std::strerror(error),
              advice(error));
}

// None where there is no such folder.
UniqueFd Directory::open_folder(std::string_view folder) const {
  UniqueFd fd(open_retrying(*ops_, fd_.get(), std::string(folder).c_str(),
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (fd || errno == ENOENT) return fd;
  if (errno == ENOTDIR || errno == ELOOP) {
    throw Error(
        ExitCode::failed,
        "{}: is not a directory, or is a link to one, and links are not followed; remove it",
        path_of(folder));
  }
  fail(folder, "open the directory", errno);
}

Directory::Place Directory::find(std::string_view name) const {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return {UniqueFd(), fd_.get(), std::string(name)};
  Place place{open_folder(name.substr(0, slash)), -1, std::string(name.substr(slash + 1))};
  place.fd = place.opened.get();
  return place;
}

std::vector<std::string> Directory::list() const {
  // A descriptor of its own: reading moves the position, and closedir() closes.
  UniqueFd fd(open_retrying(*ops_, fd_.get(), ".", O_RDONLY | O_DIRECTORY));
  if (!fd) fail(".", "list", errno);
  return list(std::move(fd));
}

std::vector<std::string> Directory::list(std::string_view folder) const {
  UniqueFd fd = open_folder(folder);
  return fd ? list(std::move(fd)) : std::vector<std::string>();
}

std::vector<std::string> Directory::list(UniqueFd fd) const {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(fd.get()), &::closedir);
  if (!dir) fail(".", "list", errno);
  fd.release();  // closedir() closes it
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) fail(".", "list", errno);
  std::sort(names.begin(), names.end());
  return names;
}

void Directory::make_folder(std::string_view folder) const {
  if (ops_->make_dir_at(fd_.get(), std::string(folder).c_str(), kDirectoryMode) == 0) {
    sync();
  } else if (errno != EEXIST) {
    fail(folder, "make the directory", errno);
  }
  if (!open_folder(folder)) fail(folder, "make the directory", ENOENT);
}

void Directory::remove_empty_folder(std::string_view folder) const {
  if (ops_->remove_dir_at(fd_.get(), std::string(folder).c_str()) == 0) return;
  if (errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR) {
    fail(folder, "remove the directory", errno);
  }
}

// Removing first and creating exclusively means that no link in the way is ever written through.
UniqueFd Directory::create(std::string_view name) const {
  const std::string file(name);
  remove(name);
  UniqueFd fd(
      open_retrying(*ops_, fd_.get(), file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW));
  if (!fd) fail(name, "create", errno);
  return fd;
}

UniqueFd Directory::open_regular(std::string_view name) const {
  const Place place = find(name);
  if (place.fd < 0) return {};
  // O_NONBLOCK: a FIFO in the way must not hang us.
  UniqueFd fd(
      open_retrying(*ops_, place.fd, place.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) {
    if (errno == ENOENT) return fd;
    fail(name, "open", errno);
  }
  struct stat info {};
  if (ops_->status(fd.get(), &info) != 0) fail(name, "examine", errno);
  if (!S_ISREG(info.st_mode)) {
    throw Error(ExitCode::failed, "{}: is not a regular file; remove it", path_of(name));
  }
  return fd;
}

UniqueFd Directory::open_append(std::string_view name) const {
  const std::string file(name);
  UniqueFd fd(
      open_retrying(*ops_, fd_.get(), file.c_str(), O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) fail(name, "open", errno);
  struct stat info {};
  if (ops_->status(fd.get(), &info) != 0) fail(name, "examine", errno);
  if (!S_ISREG(info.st_mode) || info.st_nlink != 1) {
    throw Error(ExitCode::failed,
                "{}: is not a regular file, or has other hard links; remove it or add --overwrite",
                path_of(name));
  }
  return fd;
}

void Directory::rename(std::string_view from, std::string_view to) const {
  const Place source = find(from);
  const Place target = find(to);
  if (source.fd < 0 || target.fd < 0) fail(to, "rename into place", ENOENT);
  const int result =
      ops_->rename_at(source.fd, source.name.c_str(), target.fd, target.name.c_str());
  if (result != 0) fail(to, "rename into place", errno);
}

bool Directory::link(std::string_view from, std::string_view to) const {
  const Place source = find(from);
  const Place target = find(to);
  if (source.fd < 0 || target.fd < 0) fail(to, "link into place", ENOENT);
  const int result = ops_->link_at(source.fd, source.name.c_str(), target.fd, target.name.c_str());
  if (result == 0) return true;
  if (errno == EEXIST) return false;
  // What file systems without hard links say.
  const bool no_links = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK;
  if (!no_links) fail(to, "link into place", errno);
  if (open_regular(to)) return false;
  rename(from, to);
  return true;
}

bool Directory::remove(std::string_view name) const {
  const Place place = find(name);
  if (place.fd < 0) return false;
  if (ops_->unlink_at(place.fd, place.name.c_str()) == 0) return true;
  if (errno != ENOENT) fail(name, "remove", errno);
  return false;
}

void Directory::sync() const {
  sync_names(".");
}

void Directory::sync_names(std::string_view name) const {
  const Place place = find(name);
  const int error = place.fd < 0 ? ENOENT : sync_retrying(*ops_, place.fd);
  // Some file systems cannot sync a directory and say so with EINVAL; they have nothing better.
  if (error != 0 && error != EINVAL) fail(name, "sync the directory", error);
}

void Directory::publish(std::string_view name, std::string_view contents) const {
  DurableFile file(*this, name);
  file.write(contents);
  file.publish();
}

bool Directory::publish_new(std::string_view name, std::string_view contents) const {
  DurableFile file(*this, name);
  file.write(contents);
  return file.publish_new();
}

std::optional<std::string> Directory::read(std::string_view name, std::size_t cap) const {
  const UniqueFd fd = open_regular(name);
  if (!fd) return std::nullopt;
  std::string contents;
  std::array<std::byte, 16384> buffer;
  for (;;) {
    const ssize_t n = read_fully(*ops_, fd.get(), contents.size(), buffer);
    if (n < 0) fail(name, "read", errno);
    if (n == 0) return contents;
    contents.append(reinterpret_cast<const char*>(buffer.data()), static_cast<std::size_t>(n));
    if (contents.size() > cap) {
      throw Error(ExitCode::failed, "{}: is larger than {} bytes, so embedtool did not write it",
                  path_of(name), cap);
    }
  }
}

DurableFile::DurableFile(const Directory& directory, std::string_view name)
    : directory_(directory),
      name_(name),
      temp_name_(temp_name_for(name_)),
      fd_(directory.create(temp_name_)) {}

DurableFile::~DurableFile() {
  if (published_) return;
  // Best effort: what stays behind has a name that the next run removes.
  directory_.ops().unlink_at(directory_.fd(), temp_name_.c_str());
}

// Unbuffered: writers hand over whole pages, blocks or lines by the hundred.
void DurableFile::write(std::span<const std::byte> bytes) {
  const int error = write_fully(directory_.ops(), fd_.get(), bytes);
  if (error != 0) directory_.fail(name_, "write", error);
  if (!patched_) hasher_.update(bytes.data(), bytes.size());
  size_ += bytes.size();
}

void DurableFile::patch(std::uint64_t offset, std::span<const std::byte> bytes) {
  patched_ = true;
  while (!bytes.empty()) {
    const ssize_t n =
        directory_.ops().pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n <= 0) {
      if (n < 0 && errno == EINTR) continue;
      directory_.fail(name_, "write", n < 0 ? errno : EIO);
    }
    offset += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

// The hash runs along with the writing, except where a patch changed bytes already hashed.
FileDigest DurableFile::digest() {
  if (!patched_) return {size_, hasher_.digest()};
  return DirectoryFile(directory_, temp_name_).digest();
}

// The order is the promise: contents on disk, then the name, then the name on disk.
FileDigest DurableFile::publish() {
  const int error = sync_retrying(directory_.ops(), fd_.get());
  if (error != 0) directory_.fail(name_, "sync", error);
  const FileDigest result = digest();
  directory_.rename(temp_name_, name_);
  published_ = true;
  directory_.sync_names(name_);
  return result;
}

bool DurableFile::publish_new() {
  const int error = sync_retrying(directory_.ops(), fd_.get());
  if (error != 0) directory_.fail(name_, "sync", error);
  if (!directory_.link(temp_name_, name_)) return false;
  directory_.sync_names(name_);
  return true;
}

DirectoryFile::DirectoryFile(const Directory& directory, std::string_view name)
    : DirectoryFile(directory, name, directory.open_regular(name)) {}

std::unique_ptr<DirectoryFile> DirectoryFile::find(const Directory& directory,
                                                   std::string_view name) {
  UniqueFd fd = directory.open_regular(name);
  if (!fd) return nullptr;
  return std::unique_ptr<DirectoryFile>(new DirectoryFile(directory, name, std::move(fd)));
}

DirectoryFile::DirectoryFile(const Directory& directory, std::string_view name, UniqueFd fd)
    : path_(directory.path_of(name)), ops_(&directory.ops()), fd_(std::move(fd)) {
  if (!fd_) throw Error(ExitCode::failed, "{}: is missing", path_);
  struct stat info {};
  if (ops_->status(fd_.get(), &info) != 0) directory.fail(name, "examine", errno);
  size_ = static_cast<std::uint64_t>(info.st_size);
}

void DirectoryFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  const ssize_t n = read_fully(*ops_, fd_.get(), offset, out);
  if (n < 0) throw Error(ExitCode::failed, "{}: cannot read: {}", path_, std::strerror(errno));
  if (static_cast<std::size_t>(n) != out.size()) {
    throw Error(ExitCode::failed, "{}: ends early", path_);
  }
}

FileDigest DirectoryFile::digest() const {
  std::vector<std::byte> buffer(kReadChunk);
  Hasher128 hasher;
  FileDigest result;
  for (;;) {
    const ssize_t n = read_fully(*ops_, fd_.get(), result.bytes, buffer);
    if (n < 0) throw Error(ExitCode::failed, "{}: cannot read: {}", path_, std::strerror(errno));
    if (n == 0) break;
    hasher.update(buffer.data(), static_cast<std::size_t>(n));
    result.bytes += static_cast<std::uint64_t>(n);
  }
  result.hash = hasher.digest();
  return result;
}

}  // namespace embedtool
