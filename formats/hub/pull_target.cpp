#include "formats/hub/pull_target.hpp"

#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "core/base/error.hpp"
#include "formats/hub/hub_name.hpp"
#include "formats/hub/partial_file.hpp"
#include "formats/hub/small_file.hpp"
#include "formats/io/durable_file.hpp"
#include "formats/io/publish_file.hpp"

namespace embedtool {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxRef = 256;
constexpr std::size_t kMaxList = std::size_t{16} << 20U;
constexpr const char* kLists = ".embedtool";  // huggingface_hub ignores it

std::string list_of(const std::string& root, const std::string& commit) {
  return root + "/" + kLists + "/" + commit;
}

void make_folders(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) {
    throw Error(ExitCode::failed, "{}: cannot make the folder: {}", folder.string(),
                failed.message());
  }
}

// "../../blobs/HASH", from a file of the snapshot.
std::string link_text(const HubFile& file) {
  std::string up = "../../";
  for (const char c : file.path) up += c == '/' ? "../" : "";
  return up + "blobs/" + file.hash;
}

void make_link(const HubFile& file, const fs::path& at) {
  make_folders(at.parent_path());
  const std::string text = link_text(file);
  std::error_code failed;
  if (fs::read_symlink(at, failed).string() == text) return;
  const std::string temporary = (at.parent_path() / temp_name_for(at.filename().string())).string();
  if (::symlink(text.c_str(), temporary.c_str()) == 0 &&
      ::rename(temporary.c_str(), at.c_str()) == 0) {
    return;
  }
  const int error = errno;
  ::unlink(temporary.c_str());
  throw Error(ExitCode::failed,
              "{}: cannot make a symbolic link: {}; on a file system without them, fetch plain "
              "files with --dir",
              at.string(), std::strerror(error));
}

void sync_below(const fs::path& folder) {
  sync_folder(folder.string());
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_directory() && !entry.is_symlink()) sync_folder(entry.path().string());
  }
}

}  // namespace

PullTarget::PullTarget(std::string root, std::string partials, std::string locks, bool in_cache)
    : root_(std::move(root)),
      partials_(std::move(partials)),
      locks_(std::move(locks)),
      in_cache_(in_cache) {}

PullTarget PullTarget::cache(const std::string& cache, const std::string& repo) {
  const std::string name = cache_folder_of(repo);
  const std::string root = cache + "/" + name;
  return {root, root + "/blobs", cache + "/.locks/" + name, true};
}

PullTarget PullTarget::folder(const std::string& folder) {
  const std::string own = folder + "/.embedtool-pull";
  return {folder, own, own, false};
}

std::string PullTarget::path_of(const HubFile& file) const {
  return in_cache_ ? partials_ + "/" + file.hash : root_ + "/" + file.path;
}

std::string PullTarget::path_for(const HubFile& file) const {
  const std::string path = path_of(file);
  make_folders(fs::path(path).parent_path());
  return path;
}

std::string PullTarget::model_folder(const std::string& commit) const {
  return in_cache_ ? root_ + "/snapshots/" + commit : root_;
}

void PullTarget::prepare() const {
  make_folders(partials_);
  std::error_code unlocked;  // then it is downloaded without a lock
  fs::create_directories(locks_, unlocked);
}

void PullTarget::finish(const std::string& commit, const std::vector<HubFile>& files) const {
  if (!in_cache_) {
    std::error_code kept;  // partial files of other processes, or their locks
    for (const HubFile& file : files) fs::remove(lock_of(file), kept);
    fs::remove(partials_, kept);
    return;
  }
  const fs::path snapshot = model_folder(commit);
  make_folders(snapshot.parent_path());
  std::error_code failed;
  if (!fs::exists(snapshot, failed)) {
    const fs::path building = fs::path(root_) / temp_name_for(commit);
    make_folders(building);
    for (const HubFile& file : files) make_link(file, building / file.path);
    sync_below(building);
    // Fails where another process was faster; its snapshot is as good.
    if (::rename(building.c_str(), snapshot.c_str()) != 0) fs::remove_all(building, failed);
    sync_folder(snapshot.parent_path().string());
  }
  complete_snapshot(snapshot.string(), files);
}

void PullTarget::complete_snapshot(const std::string& snapshot,
                                   const std::vector<HubFile>& files) const {
  // What makes a folder a model comes last.
  std::vector<const HubFile*> order;
  for (const HubFile& file : files) order.push_back(&file);
  std::stable_partition(order.begin(), order.end(), [](const HubFile* file) {
    return file->path != "config.json" && file->path != "modules.json";
  });
  for (const HubFile* file : order) make_link(*file, fs::path(snapshot) / file->path);
  sync_below(snapshot);
}

void PullTarget::write_list(const std::string& commit, const std::vector<HubFile>& files) const {
  if (!in_cache_) return;
  std::string paths;
  for (const HubFile& file : files) paths += file.path + "\n";
  make_folders(root_ + "/" + kLists);
  publish_file(list_of(root_, commit), paths);
}

bool PullTarget::is_complete(const std::string& commit) const {
  if (!in_cache_) return false;
  const std::string paths = read_small_file(list_of(root_, commit), kMaxList).value_or("");
  const fs::path snapshot = model_folder(commit);
  for (std::size_t begin = 0; begin < paths.size();) {
    const std::size_t end = std::min(paths.find('\n', begin), paths.size());
    std::error_code failed;
    if (!fs::is_regular_file(snapshot / paths.substr(begin, end - begin), failed)) return false;
    begin = end + 1;
  }
  return !paths.empty();
}

void PullTarget::write_ref(const std::string& revision, const std::string& commit) const {
  if (!in_cache_) return;
  const fs::path ref = fs::path(root_) / "refs" / revision;
  if (read_small_file(ref.string(), kMaxRef).value_or("") == commit) return;
  make_folders(ref.parent_path());
  publish_file(ref.string(), commit);
}

}  // namespace embedtool
