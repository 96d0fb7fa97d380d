#include "formats/hub/partial_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <random>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "formats/hub/content_check.hpp"
#include "formats/io/durable_file.hpp"

namespace embedtool {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".embedtool";
constexpr mode_t kMode = 0666;  // less what the umask takes, as of every file of the cache
constexpr std::int64_t kForeignSeconds = 600;
constexpr std::int64_t kOwnSeconds = 86400;  // the process number may be another process's by now

struct Leftover {
  std::string name;
  std::uint64_t bytes = 0;
  std::int64_t changed = 0;  ///< seconds since 1970
};

std::vector<Leftover> entries_of(const std::string& folder, const std::string& hash) {
  std::vector<Leftover> out;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    Leftover entry{at->path().filename().string(), 0, 0};
    if (!entry.name.starts_with(hash + ".")) continue;
    struct stat info {};
    if (::lstat(at->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    entry.bytes = static_cast<std::uint64_t>(info.st_size);
    entry.changed = info.st_mtim.tv_sec;
    out.push_back(std::move(entry));
  }
  return out;
}

// HASH.HOST-PID-CHANCE.embedtool: whether nobody writes it any more.
bool is_abandoned(const Leftover& entry, const std::string& hash) {
  if (!entry.name.ends_with(kEnding) || entry.name.size() <= hash.size() + kEnding.size()) {
    return false;
  }
  const std::int64_t age = std::time(nullptr) - entry.changed;
  const std::string prefix = hash + "." + host_name() + "-";
  if (!entry.name.starts_with(prefix)) return age > kForeignSeconds;
  pid_t process = 0;
  std::from_chars(entry.name.data() + prefix.size(), entry.name.data() + entry.name.size(),
                  process);
  if (process <= 0 || age > kOwnSeconds || process == ::getpid()) return true;
  return ::kill(process, 0) != 0 && errno == ESRCH;
}

std::vector<Leftover> abandoned_in(const std::string& folder, const std::string& hash) {
  std::vector<Leftover> all = entries_of(folder, hash);
  std::erase_if(all, [&](const Leftover& entry) { return !is_abandoned(entry, hash); });
  std::sort(all.begin(), all.end(),
            [](const Leftover& a, const Leftover& b) { return a.bytes > b.bytes; });
  return all;
}

}  // namespace

PartialFile::PartialFile(std::string folder, std::string hash)
    : folder_(std::move(folder)), hash_(std::move(hash)) {
  std::random_device random;
  path_ = fmt::format("{}/{}.{}-{}-{:08x}{}", folder_, hash_, host_name(), ::getpid(), random(),
                      kEnding);
  for (const Leftover& entry : abandoned_in(folder_, hash_)) {
    if (take_over(entry.name)) return;
  }
  create();
}

PartialFile::~PartialFile() {
  if (fd_ && size_ == 0) ::unlink(path_.c_str());
}

// Of several that try, the first one's rename finds it.
bool PartialFile::take_over(const std::string& name) {
  if (::rename((folder_ + "/" + name).c_str(), path_.c_str()) != 0) return false;
  fd_.reset(::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  struct stat info {};
  if (!fd_ || ::fstat(fd_.get(), &info) != 0) fail("open", errno);
  size_ = static_cast<std::uint64_t>(info.st_size);
  return true;
}

void PartialFile::create() {
  fd_.reset(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kMode));
  if (!fd_) fail("create", errno);
  size_ = 0;
}

void PartialFile::fail(const char* doing, int error) const {
  throw Error(ExitCode::failed, "{}: cannot {}: {}{}", path_, doing, std::strerror(error),
              error == ENOSPC || error == EDQUOT
                  ? "; make room, or set HF_HUB_CACHE to another disk; what is here is kept"
                  : "");
}

void PartialFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    // At its own place in the file: whoever else may write it writes the same bytes there.
    const ssize_t done = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail("write", done == 0 ? ENOSPC : errno);
    size_ += static_cast<std::uint64_t>(done);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
}

void PartialFile::restart() {
  if (size_ == 0) return;
  if (::ftruncate(fd_.get(), 0) != 0) fail("truncate", errno);
  size_ = 0;
}

bool PartialFile::is_right() const {
  return content_name(fd_.get(), size_, hash_, path_) == hash_;
}

void PartialFile::publish(const std::string& path) {
  if (::fsync(fd_.get()) != 0) fail("write", errno);
  if (::rename(path_.c_str(), path.c_str()) != 0) fail("rename", errno);
  fd_.reset();
  sync_folder(fs::path(path).parent_path().string());
  for (const Leftover& entry : abandoned_in(folder_, hash_)) {
    ::unlink((folder_ + "/" + entry.name).c_str());
  }
}

std::uint64_t partial_bytes(const std::string& folder, const std::string& hash) {
  const auto all = abandoned_in(folder, hash);
  return all.empty() ? 0 : all.front().bytes;
}

std::int64_t last_progress(const std::string& folder, const std::string& hash) {
  std::int64_t newest = 0;
  for (const Leftover& entry : entries_of(folder, hash)) newest = std::max(newest, entry.changed);
  return newest;
}

void sync_folder(const std::string& folder) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot sync a folder, and there is nothing to be done about it.
  if (fd && ::fsync(fd.get()) != 0 && errno != EINVAL && errno != EROFS) {
    throw Error(ExitCode::failed, "{}: cannot sync: {}", folder, std::strerror(errno));
  }
}

}  // namespace embedtool
