#pragma once

#include <string>
#include <vector>

#include "formats/hub/file_choice.hpp"

namespace embedtool {

/// Where the files of a pulled model go: the hub's cache, or a folder of plain files. Errors are
/// Error(failed) naming the path.
class PullTarget {
 public:
  static PullTarget cache(const std::string& cache, const std::string& repo);
  static PullTarget folder(const std::string& folder);

  /// The cache's folder of the repository, or the folder.
  const std::string& root() const { return root_; }
  /// Whether a file's path tells its content, as a blob's does.
  bool names_content() const { return in_cache_; }
  /// Where files are while they arrive, on the same file system.
  const std::string& partials() const { return partials_; }
  std::string lock_of(const HubFile& file) const { return locks_ + "/" + file.hash + ".lock"; }
  std::string path_of(const HubFile& file) const;
  /// The same; makes the folders above it.
  std::string path_for(const HubFile& file) const;
  /// The folder to load the model from.
  std::string model_folder(const std::string& commit) const;

  /// Makes the folders that arriving files need.
  void prepare() const;
  /// When all files are there: makes them the snapshot of the commit. A snapshot appears at once
  /// and whole; what another program has begun is completed.
  void finish(const std::string& commit, const std::vector<HubFile>& files) const;
  /// Notes that these files are all that is read of a commit, so that nobody has to ask again.
  void write_list(const std::string& commit, const std::vector<HubFile>& files) const;
  /// Whether there is such a note and all its files are there.
  bool is_complete(const std::string& commit) const;
  /// Notes which commit a branch or tag is.
  void write_ref(const std::string& revision, const std::string& commit) const;

 private:
  PullTarget(std::string root, std::string partials, std::string locks, bool in_cache);
  void complete_snapshot(const std::string& snapshot, const std::vector<HubFile>& files) const;

  std::string root_;
  std::string partials_;
  std::string locks_;
  bool in_cache_;
};

}  // namespace embedtool
