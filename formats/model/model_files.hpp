#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/hash.hpp"
#include "core/base/mutex.hpp"
#include "formats/io/file_set.hpp"

namespace embedtool {

/// A set that remembers which of its files were read, so that a model's fingerprint covers exactly
/// the files that it was read from. Owns the underlying set. Thread-safe.
class RecordingFileSet : public FileSet {
 public:
  explicit RecordingFileSet(std::unique_ptr<FileSet> base);

  /// Takes another model's files in, as those under names that begin with `folder` ("/base/"). Not
  /// thread-safe, unlike the other functions.
  void attach(std::string folder, std::unique_ptr<FileSet> files);

  std::optional<std::span<const std::byte>> find(std::string_view name) const override;
  void release(std::span<const std::byte> bytes) const override { base_->release(bytes); }
  std::optional<FileStamp> stamp(std::string_view name) const override;
  std::string describe() const override { return base_->describe(); }

  /// Content hash of all files read so far, whatever the order: names, sizes and bytes (XXH3-128).
  /// Reads all of them, and releases what it has read.
  Hash128 fingerprint() const;
  /// Every name that was looked up so far, by name, with the file's stamp. Where all of them look
  /// the same again, the fingerprint is the same, without a byte being read. Empty where stamps do
  /// not tell: the set below has none (files inside the program), or a file was changed so lately
  /// that another change may not show, by the resolution of the file system's times.
  std::vector<StampedFile> stamps() const;
  /// The underlying set, for files that are not part of the model (its card).
  const FileSet& unrecorded() const { return *base_; }

 private:
  Hash128 content_hash(std::span<const std::byte> bytes) const;

  /// The set that a name belongs to; the name becomes the one in that set.
  const FileSet& set_of(std::string_view& name) const;

  std::unique_ptr<FileSet> base_;
  std::string attached_folder_;
  std::unique_ptr<FileSet> attached_;
  const std::int64_t opened_ns_;  ///< since 1970; no file was looked at before
  mutable Mutex mutex_;
  /// What was looked up: bytes, or none where there was no such file.
  mutable std::map<std::string, std::optional<std::span<const std::byte>>, std::less<>> found_
      EMBEDTOOL_GUARDED_BY(mutex_);
};

/// The files in one folder of a set, under their names relative to it. Does not own the set.
class SubfolderFileSet : public FileSet {
 public:
  /// `folder` is "" or ends in '/'. `where` is what describe() says where that is not the folder.
  SubfolderFileSet(const FileSet& base, std::string folder, std::string where = "")
      : base_(base), folder_(std::move(folder)), where_(std::move(where)) {}

  std::optional<std::span<const std::byte>> find(std::string_view name) const override;
  void release(std::span<const std::byte> bytes) const override { base_.release(bytes); }
  std::string describe() const override;

 private:
  const FileSet& base_;
  std::string folder_;
  std::string where_;
};

}  // namespace embedtool
