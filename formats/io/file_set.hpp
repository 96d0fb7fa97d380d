#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/mutex.hpp"
#include "formats/io/mapped_file.hpp"

namespace embedtool {

/// A model's files by name, wherever they are: a folder on disk, or bytes inside the program. Names
/// are relative with '/' between the parts ("tokenizer.json", "1_Pooling/config.json").
/// Thread-safe.
class FileSet {
 public:
  virtual ~FileSet() = default;

  /// The whole file, or nothing if there is none. The bytes live as long as the set. Throws
  /// Error(model) if the file exists but cannot be read, or if `name` would lead out of the set
  /// (absolute, or with a ".." part): names may come from an untrusted file.
  virtual std::optional<std::span<const std::byte>> find(std::string_view name) const = 0;

  /// How a file that find() has found looked when it was opened; none where the set cannot tell.
  virtual std::optional<FileStamp> stamp(std::string_view /*name*/) const { return std::nullopt; }

  /// A hint that these bytes of the set's files will not be read again soon: pages mapped from disk
  /// may be dropped from memory. The bytes stay valid.
  virtual void release(std::span<const std::byte> /*bytes*/) const {}

  /// Where the files are, for messages: the folder's path, or "builtin".
  virtual std::string describe() const = 0;
};

/// The bytes of a file as characters.
inline std::string_view as_chars(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A folder on disk. Files are mapped on first use and stay mapped.
class DirectoryFileSet : public FileSet {
 public:
  /// Throws Error(model) when `path` is not a folder.
  explicit DirectoryFileSet(std::string path);

  std::optional<std::span<const std::byte>> find(std::string_view name) const override;
  std::optional<FileStamp> stamp(std::string_view name) const override;
  /// `bytes` must come from find().
  void release(std::span<const std::byte> bytes) const override { release_pages(bytes); }
  std::string describe() const override { return path_; }

 private:
  std::string path_;
  mutable Mutex mutex_;
  mutable std::map<std::string, MappedFile, std::less<>> mapped_  // nodes do not move
      EMBEDTOOL_GUARDED_BY(mutex_);
};

/// Named bytes that someone else owns, such as those compiled into the program. All add() calls
/// come before the first find().
class MemoryFileSet : public FileSet {
 public:
  explicit MemoryFileSet(std::string description) : description_(std::move(description)) {}

  /// `bytes` must outlive the set.
  void add(std::string name, std::span<const std::byte> bytes);

  std::optional<std::span<const std::byte>> find(std::string_view name) const override;
  std::string describe() const override { return description_; }

 private:
  std::string description_;
  std::map<std::string, std::span<const std::byte>, std::less<>> files_;
};

}  // namespace embedtool
