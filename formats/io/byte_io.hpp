#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace embedtool {

/// Where a format writer puts its bytes, front to back. Throws Error on I/O failure.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual void write(std::span<const std::byte> bytes) = 0;
};

/// Bytes with random access; const members are thread-safe.
class RandomBytes {
 public:
  virtual ~RandomBytes() = default;
  virtual std::uint64_t size() const = 0;
  /// Fills `out` from `offset`. Throws Error if part of the range is missing.
  virtual void read_at(std::uint64_t offset, std::span<std::byte> out) const = 0;
  /// The file's name for messages.
  virtual const std::string& name() const = 0;
};

}  // namespace embedtool
