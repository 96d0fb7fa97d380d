// Preloaded into the program under test: the k-th system call that touches the directory
// FAULT_UNDER fails, or the process dies there. Calls are those that publishing makes.
//   FAULT_AT      k, from 1; 0 = none, count only
//   FAULT_MODE    kill | errno number | "short" (that write takes one byte)
//   FAULT_ONCE    set: only the k-th call fails, else every one from there on
//   FAULT_COUNT   file that gets the number of calls when the process ends
//   FAULT_FLOCK   what flock(2) answers: an errno number, or 0 = a lock that is none
// Mapped safetensors files can be made unreadable behind their header, so that the first look at a
// weight is a fatal signal:
//   FAULT_GUARD   end of such a file's name
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

std::atomic<long> calls{0};

const char* setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

bool is_under(const char* path) {
  const char* under = setting("FAULT_UNDER");
  return *under != '\0' && std::strncmp(path, under, std::strlen(under)) == 0;
}

std::string path_of(int fd) {
  char path[4096];
  char link[64];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = ::readlink(link, path, sizeof path);
  return size < 0 ? std::string() : std::string(path, static_cast<size_t>(size));
}

bool is_under(int fd) {
  return is_under(path_of(fd).c_str());
}

bool is_under(int dir, const char* name) {
  if (name[0] == '/') return is_under(name);
  if (dir != AT_FDCWD) return is_under(dir);
  char path[4096];
  if (::getcwd(path, sizeof path) == nullptr) return false;
  return is_under((std::string(path) + "/" + name).c_str());
}

enum class Fault { none, error, one_byte };

/// Counts a call; says what becomes of it.
Fault count_call() {
  const long k = ++calls;
  const long at = std::atol(setting("FAULT_AT"));
  if (at == 0 || k < at || (k > at && *setting("FAULT_ONCE") != '\0')) return Fault::none;
  const std::string mode = setting("FAULT_MODE");
  if (mode == "kill") ::kill(::getpid(), SIGKILL);
  if (mode == "short") return Fault::one_byte;
  errno = std::atoi(mode.c_str());
  return Fault::error;
}

using Mmap = void*(void*, size_t, int, int, int, off_t);

/// Takes away what lies behind the header of a safetensors file that is to be guarded.
void* guard(void* mapping, size_t size, int fd) {
  const std::string guarded = setting("FAULT_GUARD");
  if (guarded.empty() || fd < 0 || mapping == MAP_FAILED || !path_of(fd).ends_with(guarded)) {
    return mapping;
  }
  unsigned long header = 0;
  std::memcpy(&header, mapping, sizeof header);
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t readable = (sizeof header + header + page - 1) / page * page;
  if (readable < size) {
    ::mprotect(static_cast<char*>(mapping) + readable, size - readable, PROT_NONE);
  }
  return mapping;
}

struct CountWriter {
  ~CountWriter() {
    if (*setting("FAULT_COUNT") == '\0') return;
    if (std::FILE* file = std::fopen(setting("FAULT_COUNT"), "w")) {
      std::fprintf(file, "%ld\n", calls.load());
      std::fclose(file);
    }
  }
} count_writer;

}  // namespace

extern "C" {

int openat(int dir, const char* name, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = va_arg(list, mode_t);
  va_end(list);
  if (is_under(dir, name) && count_call() == Fault::error) return -1;
  return real<int(int, const char*, int, mode_t)>("openat")(dir, name, flags, mode);
}

ssize_t write(int fd, const void* data, size_t size) {
  const Fault fault = is_under(fd) ? count_call() : Fault::none;
  if (fault == Fault::error) return -1;
  const size_t taken = fault == Fault::one_byte && size > 1 ? 1 : size;
  return real<ssize_t(int, const void*, size_t)>("write")(fd, data, taken);
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  const Fault fault = is_under(fd) ? count_call() : Fault::none;
  if (fault == Fault::error) return -1;
  const size_t taken = fault == Fault::one_byte && size > 1 ? 1 : size;
  return real<ssize_t(int, const void*, size_t, off_t)>("pwrite")(fd, data, taken, offset);
}

ssize_t pread(int fd, void* data, size_t size, off_t offset) {
  const Fault fault = is_under(fd) ? count_call() : Fault::none;
  if (fault == Fault::error) return -1;
  const size_t taken = fault == Fault::one_byte && size > 1 ? 1 : size;
  return real<ssize_t(int, void*, size_t, off_t)>("pread")(fd, data, taken, offset);
}

int fsync(int fd) {
  if (!is_under(fd)) return real<int(int)>("fsync")(fd);
  return count_call() == Fault::error ? -1 : 0;  // disks are slow, and the kernel lives on
}

int ftruncate(int fd, off_t size) {
  if (is_under(fd) && count_call() == Fault::error) return -1;
  return real<int(int, off_t)>("ftruncate")(fd, size);
}

int renameat(int from_dir, const char* from, int to_dir, const char* to) {
  if (is_under(to_dir, to) && count_call() == Fault::error) return -1;
  return real<int(int, const char*, int, const char*)>("renameat")(from_dir, from, to_dir, to);
}

int linkat(int from_dir, const char* from, int to_dir, const char* to, int flags) {
  if (is_under(to_dir, to) && count_call() == Fault::error) return -1;
  return real<int(int, const char*, int, const char*, int)>("linkat")(from_dir, from, to_dir, to,
                                                                      flags);
}

int unlinkat(int dir, const char* name, int flags) {
  if (is_under(dir, name) && count_call() == Fault::error) return -1;
  return real<int(int, const char*, int)>("unlinkat")(dir, name, flags);
}

int mkdirat(int dir, const char* name, mode_t mode) {
  if (is_under(dir, name) && count_call() == Fault::error) return -1;
  return real<int(int, const char*, mode_t)>("mkdirat")(dir, name, mode);
}

void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) {
  return guard(real<Mmap>("mmap")(at, size, protection, flags, fd, offset), size, fd);
}

void* mmap64(void* at, size_t size, int protection, int flags, int fd, off_t offset) {
  return guard(real<Mmap>("mmap64")(at, size, protection, flags, fd, offset), size, fd);
}

int flock(int fd, int operation) {
  if (const std::string answer = setting("FAULT_FLOCK"); !answer.empty()) {
    errno = std::atoi(answer.c_str());
    return errno == 0 ? 0 : -1;
  }
  if (is_under(fd) && count_call() == Fault::error) return -1;
  return real<int(int, int)>("flock")(fd, operation);
}

}  // extern "C"
