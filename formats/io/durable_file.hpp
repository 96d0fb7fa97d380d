#pragma once

// Files that are complete or absent: written under a temporary name, fsynced, renamed, the
// directory fsynced. Everything happens relative to one open directory, and no symbolic link in
// it is ever followed.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/hash.hpp"
#include "formats/io/byte_io.hpp"
#include "formats/io/file_ops.hpp"
#include "formats/io/unique_fd.hpp"

namespace embedtool {

/// Names with this prefix are embedtool's temporary files: what a killed run was writing.
inline constexpr std::string_view kTempPrefix = ".embedtool-tmp-";

/// This machine's name: up to 32 letters, digits and underscores.
std::string host_name();

/// A new name with that prefix, which no other process uses, be it on another host: it is made of
/// host, process, and chance. `name` is what the file will be called.
std::string temp_name_for(std::string_view name);

/// Size and content hash of a file.
struct FileDigest {
  std::uint64_t bytes = 0;
  Hash128 hash;
};

/// An open directory. A file's name may be that of a file in a folder directly below it, as in
/// "data/part-00000.parquet". Failures are Error(failed) naming file and cause. Thread-safe.
class Directory {
 public:
  /// Opens `path`; `create` makes it and its missing parents.
  Directory(const std::string& path, bool create, FileOps& ops = system_file_ops());

  const std::string& path() const { return path_; }
  std::string path_of(std::string_view name) const;
  FileOps& ops() const { return *ops_; }
  int fd() const { return fd_.get(); }

  /// Names of all entries, sorted, without . and ..
  std::vector<std::string> list() const;
  /// The same of a folder in it, without that folder's name; empty where there is no such folder.
  std::vector<std::string> list(std::string_view folder) const;
  /// Makes a folder in it, durably, where there is none.
  void make_folder(std::string_view folder) const;
  /// Removes a folder in it that is there and empty; leaves any other.
  void remove_empty_folder(std::string_view folder) const;
  /// A new empty file of that name; an old entry of the name is removed, never written through.
  UniqueFd create(std::string_view name) const;
  /// A regular file, for reading; nothing if there is no such entry. Links are an Error.
  UniqueFd open_regular(std::string_view name) const;
  /// An existing regular file to append to, for the journal. A file with a second hard link is
  /// refused: the link could be anywhere.
  UniqueFd open_append(std::string_view name) const;
  void rename(std::string_view from, std::string_view to) const;
  /// Gives a file a second name; false if another file has it. Without hard links, renames it.
  bool link(std::string_view from, std::string_view to) const;
  /// True when there was such an entry.
  bool remove(std::string_view name) const;
  /// Makes the names in the directory durable, or those in the folder of file `name`.
  void sync() const;
  void sync_names(std::string_view name) const;

  /// Writes a small file, complete or not at all, and makes it durable.
  void publish(std::string_view name, std::string_view contents) const;
  /// The same, unless there is a file of that name: then false. Of several that try at once one
  /// succeeds, except on file systems without hard links, where the last one does.
  bool publish_new(std::string_view name, std::string_view contents) const;
  /// A small file's bytes, or nothing if it does not exist; larger than `cap` is an Error.
  std::optional<std::string> read(std::string_view name, std::size_t cap) const;

  [[noreturn]] void fail(std::string_view name, const char* doing, int error) const;

 private:
  /// The folder of a file, and the file's name there.
  struct Place {
    UniqueFd opened;  ///< empty: this directory itself
    int fd = -1;      ///< -1: there is no such folder
    std::string name;
  };
  Place find(std::string_view name) const;
  UniqueFd open_folder(std::string_view folder) const;
  std::vector<std::string> list(UniqueFd fd) const;

  std::string path_;
  FileOps* ops_;
  UniqueFd fd_;
};

/// Writes everything, resuming after interruptions and short writes. Returns 0 or the errno.
int write_fully(FileOps& ops, int fd, std::span<const std::byte> bytes);

/// A file being written under its temporary name. Dropped without publish(), it is removed.
/// Not thread-safe.
class DurableFile final : public ByteSink {
 public:
  /// Will be published as `name`; `directory` outlives the file. Until then it is directly in
  /// `directory`, so that a folder below it never holds an incomplete file.
  DurableFile(const Directory& directory, std::string_view name);
  ~DurableFile() override;
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;

  void write(std::span<const std::byte> bytes) override;
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// Overwrites bytes already written (a header known only at the end).
  void patch(std::uint64_t offset, std::span<const std::byte> bytes);
  std::uint64_t size() const { return size_; }

  /// fsync, rename, fsync of the directory; then the digest of the published file.
  FileDigest publish();
  /// The same, but false and nothing if there is a file of that name; see Directory::publish_new().
  bool publish_new();

 private:
  FileDigest digest();

  const Directory& directory_;
  std::string name_;
  std::string temp_name_;
  UniqueFd fd_;
  Hasher128 hasher_;
  std::uint64_t size_ = 0;
  bool patched_ = false;
  bool published_ = false;
};

/// A regular file inside a directory, for random access. Thread-safe.
class DirectoryFile final : public RandomBytes {
 public:
  /// Throws Error if it is missing, a link, or not a regular file.
  DirectoryFile(const Directory& directory, std::string_view name);
  /// The same, but nothing if there is no such entry.
  static std::unique_ptr<DirectoryFile> find(const Directory& directory, std::string_view name);

  std::uint64_t size() const override { return size_; }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override;
  const std::string& name() const override { return path_; }
  /// Reads it all.
  FileDigest digest() const;

 private:
  DirectoryFile(const Directory& directory, std::string_view name, UniqueFd fd);

  std::string path_;
  FileOps* ops_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
};

}  // namespace embedtool
