#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace embedtool::testing {

/// Contents by name.
using Files = std::map<std::string, std::string>;

/// A folder of its own for each test, removed with its contents at the end.
class TempFolder {
 public:
  /// Throws std::runtime_error when it cannot be made.
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// The path of `name` in the folder, whether there is such a file or not.
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  /// Writes a file, and the folders above it, and returns its path.
  std::string write(const std::string& name, std::string_view bytes) const;
  void write(const Files& files) const;

 private:
  std::filesystem::path path_;
};

/// The whole file; empty where there is none.
std::string read_file(const std::filesystem::path& path);
/// Replaces the whole file.
void write_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace embedtool::testing
