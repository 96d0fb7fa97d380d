#include "cli/early_checks.hpp"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cli/app_builder.hpp"
#include "cli/commands.hpp"
#include "cli/flags.hpp"
#include "cli/suggest.hpp"
#include "core/base/error.hpp"

namespace embedtool {

void check_destination(std::string_view option, const std::string& path) {
  if (path.empty() || path == "-") return;
  const auto refuse = [&](std::string_view what) {
    throw Error(ExitCode::failed, "{} {}: {}", option, path, what);
  };
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) refuse("is a folder; name a file");
    if (!S_ISREG(info.st_mode)) return;  // a device, a pipe
    if (::access(path.c_str(), W_OK) != 0) refuse(std::strerror(errno));
  }
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "."
                             : slash == 0               ? "/"
                                                        : path.substr(0, slash);
  if (::stat(folder.c_str(), &info) != 0) {
    refuse(fmt::format("its folder cannot be used: {}; create it with mkdir -p",
                       std::strerror(errno)));
  }
  if (!S_ISDIR(info.st_mode)) refuse(fmt::format("{} is not a folder", folder));
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    refuse(fmt::format("no file can be made in its folder: {}", std::strerror(errno)));
  }
}

void check_folder(std::string_view option, const std::string& path) {
  if (path.empty()) return;
  struct stat info {};
  const bool there = ::stat(path.c_str(), &info) == 0;
  if (there && !S_ISDIR(info.st_mode)) {
    throw Error(ExitCode::failed, "{} {}: is not a folder", option, path);
  }
  if (there && ::access(path.c_str(), W_OK | X_OK) == 0) return;
  throw Error(ExitCode::failed, "{} {}: no file can be made there: {}", option, path,
              std::strerror(errno));
}

void check_rejects_file(const std::string& path) {
  if (path == "-") {
    throw Error(ExitCode::usage, "--rejects -: rejects go to a file; name one");
  }
  struct stat info {};
  if (!path.empty() && ::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode)) {
    throw Error(
        ExitCode::failed,
        "--rejects {}: is a symbolic link, and none is followed here; name what it leads to", path);
  }
  check_destination("--rejects", path);
}

void check_environment(const std::vector<std::string>& environment, Console& console) {
  constexpr std::string_view kPrefix = "EMBEDTOOL_";
  std::vector<std::string> known;
  for (const std::string& entry : environment) {
    if (!entry.starts_with(kPrefix)) continue;
    if (known.empty()) {
      for (const Command& command : commands()) {
        const BuiltApp built = build_app(command);
        for (const std::string& option : long_options(*built.app)) {
          known.push_back(environment_name(option));
        }
      }
    }
    const std::string name = entry.substr(0, entry.find('='));
    if (std::find(known.begin(), known.end(), name) != known.end()) {
      console.detail(fmt::format("environment: {} (unless the command line sets it)", entry));
      continue;
    }
    console.warning(fmt::format("{}: no option has this environment variable, which is ignored{}",
                                name, did_you_mean(name, known)));
  }
}

std::vector<std::string> environment_of_process() {
  std::vector<std::string> entries;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    entries.emplace_back(*entry);
  }
  return entries;
}

}  // namespace embedtool
