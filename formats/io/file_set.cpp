#include "formats/io/file_set.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/base/error.hpp"
#include "formats/io/lfs_pointer.hpp"

namespace embedtool {
namespace {

// Refuses names that would leave the set. A symbolic link inside the folder is followed: model
// caches are made of them.
void check_name(const std::string& where, std::string_view name) {
  bool safe = !name.empty() && name.front() != '/' && name.find('\0') == std::string_view::npos;
  for (std::size_t begin = 0; safe && begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    safe = name.substr(begin, end - begin) != "..";
    begin = end + 1;
  }
  if (!safe) {
    throw Error(ExitCode::model, "{}: the model names a file outside its folder: '{}'", where,
                name);
  }
}

}  // namespace

DirectoryFileSet::DirectoryFileSet(std::string path) : path_(std::move(path)) {
  std::error_code failed;
  if (!std::filesystem::is_directory(path_, failed)) {
    throw Error(ExitCode::model, "{}: not a folder", path_);
  }
}

std::optional<std::span<const std::byte>> DirectoryFileSet::find(std::string_view name) const {
  check_name(path_, name);
  const MutexLock lock(mutex_);
  if (const auto known = mapped_.find(name); known != mapped_.end()) return known->second.bytes();

  const std::filesystem::path file = std::filesystem::path(path_) / name;
  std::error_code failed;
  if (!std::filesystem::exists(file, failed) && !failed) return std::nullopt;
  try {
    const MappedFile& mapped =
        mapped_.emplace(std::string(name), MappedFile(file.string())).first->second;
    const std::span<const std::byte> bytes = mapped.bytes();
    if (is_lfs_pointer({reinterpret_cast<const char*>(bytes.data()), bytes.size()})) {
      throw Error(
          ExitCode::model,
          "{}: is a Git LFS pointer, in place of the file; fetch the file with git lfs pull",
          file.string());
    }
    return bytes;
  } catch (const Error& error) {
    throw Error(ExitCode::model, error.what());
  }
}

std::optional<FileStamp> DirectoryFileSet::stamp(std::string_view name) const {
  const MutexLock lock(mutex_);
  const auto known = mapped_.find(name);
  if (known == mapped_.end()) return std::nullopt;
  return known->second.stamp();
}

void MemoryFileSet::add(std::string name, std::span<const std::byte> bytes) {
  files_.insert_or_assign(std::move(name), bytes);
}

std::optional<std::span<const std::byte>> MemoryFileSet::find(std::string_view name) const {
  check_name(description_, name);
  const auto found = files_.find(name);
  if (found == files_.end()) return std::nullopt;
  return found->second;
}

}  // namespace embedtool
