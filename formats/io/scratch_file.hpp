#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/io/byte_io.hpp"
#include "formats/io/unique_fd.hpp"

namespace embedtool {

/// A file for bytes that do not fit in memory. It never has a name that lasts: the system frees it
/// when the process ends, however it ends. Written front to back, then read anywhere. One thread
/// writes; after flush(), reading is thread-safe.
class ScratchFile final : public ByteSink, public RandomBytes {
 public:
  /// On the disk of `folder`, which exists. Throws Error(failed) when it cannot be made.
  explicit ScratchFile(const std::string& folder);

  void write(std::span<const std::byte> bytes) override;
  /// Hands buffered bytes to the system, so that they can be read.
  void flush();

  std::uint64_t size() const override { return size_; }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override;
  const std::string& name() const override { return name_; }

 private:
  std::string name_;  ///< for messages
  UniqueFd fd_;
  std::vector<std::byte> buffer_;
  std::uint64_t size_ = 0;
};

}  // namespace embedtool
