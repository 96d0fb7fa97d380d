#pragma once

#include <cstdint>
#include <string>

#include "formats/io/byte_io.hpp"
#include "formats/io/unique_fd.hpp"

namespace embedtool {

/// A regular file to be read anywhere, also one that is standard input ("-"). Thread-safe.
class FileBytes final : public RandomBytes {
 public:
  /// `name` is for messages. Throws Error(failed) naming it if the file cannot be opened; a pipe or
  /// device is refused with `remedy`.
  FileBytes(const std::string& path, const std::string& name, const std::string& remedy);

  std::uint64_t size() const override { return size_; }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override;
  const std::string& name() const override { return name_; }

 private:
  std::string name_;
  UniqueFd owned_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace embedtool
