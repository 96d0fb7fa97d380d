#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "formats/io/file_stamp.hpp"

namespace embedtool {

/// Drops the whole pages inside `bytes` from memory; they are read from their file again on the
/// next use. Only for bytes that are mapped from a file and never written to: others would be lost.
void release_pages(std::span<const std::byte> bytes);

/// A whole file mapped read-only. The mapping lives as long as the object; pages are shared with
/// every other process that maps the file and are read on first use.
class MappedFile {
 public:
  /// Throws Error(code) naming `path` when it cannot be opened or is not a regular file.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// As it looked before its first byte was read.
  const FileStamp& stamp() const { return stamp_; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  FileStamp stamp_;
};

}  // namespace embedtool
