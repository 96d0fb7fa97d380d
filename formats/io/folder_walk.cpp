#include "formats/io/folder_walk.hpp"

#include <dirent.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "core/base/error.hpp"
#include "formats/io/bytes_utf8.hpp"

namespace embedtool {
namespace {

/// A folder on the way down: what is left of it, last first.
struct Level {
  std::string path;                ///< with a slash behind it
  std::vector<std::string> names;  ///< those of folders with a slash behind them
};

[[noreturn]] void fail(const std::string& path, const char* doing) {
  throw Error(ExitCode::failed, "{}: cannot {}: {}", readable_name(path), doing,
              std::strerror(errno));
}

class Walk {
 public:
  Walk(const std::string& folder, const WalkOptions& options) : options_(options) {
    struct stat info {};
    if (!options.except.empty() && ::stat(options.except.c_str(), &info) == 0) except_ = info;
    root_ = folder.size() + (folder.ends_with('/') ? 0 : 1);
  }

  WalkSkips run(const std::string& folder, const std::function<void(const std::string&)>& take) {
    enter(folder.ends_with('/') ? folder : folder + "/");
    // A stack of its own: folders may be nested deeper than the thread's stack is.
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.names.empty()) {
        levels_.pop_back();
        continue;
      }
      const std::string path = level.path + level.names.back();
      level.names.pop_back();
      if (path.ends_with('/')) {
        enter(path);
      } else if (matches(path)) {
        take(path);
      }
    }
    return skips_;
  }

 private:
  void enter(const std::string& path) {
    struct stat info {};
    if (except_ && ::stat(path.c_str(), &info) == 0 && info.st_dev == except_->st_dev &&
        info.st_ino == except_->st_ino) {
      return;
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(path.c_str()), ::closedir);
    if (!stream) fail(path, "open the folder");
    Level level{path, {}};
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr) break;
      add(level, entry->d_name);
    }
    if (errno != 0) fail(path, "read the folder");
    // The slash makes the order that of whole paths: "a-b" comes before "a/b".
    std::sort(level.names.begin(), level.names.end(), std::greater<>());
    levels_.push_back(std::move(level));
  }

  void add(Level& level, const char* name) {
    if (name[0] == '.') {
      const std::string_view whole(name);
      skips_.hidden += whole != "." && whole != ".." ? 1U : 0U;
      return;
    }
    const std::string path = level.path + name;
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) fail(path, "examine");
    const bool link = S_ISLNK(info.st_mode);
    if (link && ::stat(path.c_str(), &info) != 0) fail(path, "follow the link");
    if (S_ISDIR(info.st_mode)) {
      if (link) {
        ++skips_.folder_links;
      } else {
        level.names.push_back(std::string(name) + "/");
      }
    } else if (S_ISREG(info.st_mode)) {
      level.names.emplace_back(name);
    } else {
      ++skips_.special;
    }
  }

  bool matches(const std::string& path) const {
    if (options_.globs.empty()) return true;
    const std::string below = path.substr(root_);
    const std::string own = path.substr(path.rfind('/') + 1);
    return std::any_of(options_.globs.begin(), options_.globs.end(), [&](const std::string& glob) {
      const std::string& name = glob.find('/') == std::string::npos ? own : below;
      return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0;
    });
  }

  const WalkOptions& options_;
  std::optional<struct stat> except_;
  std::size_t root_ = 0;
  std::vector<Level> levels_;
  WalkSkips skips_;
};

}  // namespace

WalkSkips walk_folder(const std::string& folder, const WalkOptions& options,
                      const std::function<void(const std::string&)>& take) {
  return Walk(folder, options).run(folder, take);
}

}  // namespace embedtool
