#include "core/base/cgroup.hpp"

#include <cstdio>
#include <cstring>
#include <memory>

namespace embedtool {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

}  // namespace

std::string first_line(const std::string& path) {
  const File file(std::fopen(path.c_str(), "re"), std::fclose);
  char line[4096];
  if (file == nullptr || std::fgets(line, sizeof line, file.get()) == nullptr) return "";
  line[std::strcspn(line, "\n")] = '\0';
  return line;
}

std::vector<std::string> cgroup_folders(const std::string& controller) {
  // In a container the root is the container's own group, whatever path the file below names.
  const std::string root = "/sys/fs/cgroup";
  std::vector<std::string> folders{root, root + "/" + controller};
  const File file(std::fopen("/proc/self/cgroup", "re"), std::fclose);
  if (file == nullptr) return folders;
  char line[4096];
  while (std::fgets(line, sizeof line, file.get()) != nullptr) {
    line[std::strcspn(line, "\n")] = '\0';
    // "0::/path" (v2) or "7:cpu,cpuacct:/path" (v1)
    const char* controllers = std::strchr(line, ':');
    const char* group = controllers == nullptr ? nullptr : std::strchr(controllers + 1, ':');
    if (group == nullptr) continue;
    const bool v1 = std::strstr(controllers, controller.c_str()) != nullptr;
    if (group[-1] != ':' && !v1) continue;
    std::string path = root + (v1 ? "/" + controller : "") + (group + 1);
    while (path.size() > root.size()) {
      folders.push_back(path);
      path.resize(path.rfind('/'));
    }
  }
  return folders;
}

}  // namespace embedtool
