#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "core/base/hash.hpp"

namespace embedtool {

/// What was read of an input, after its end.
struct InputDigest {
  std::uint64_t bytes = 0;  ///< as stored
  Hash128 hash;
  bool empty = false;  ///< it was empty after decompression
};

/// Reads an input to its end and hashes it. Throws Error(failed) on a read error, also when `stop`
/// turned true.
InputDigest digest_input(const std::string& path, const std::atomic<bool>& stop);

/// Sums up what was read of the files of one InputGroup.
class GroupDigest {
 public:
  void add(const std::string& path, const InputDigest& file);
  /// Of one file that file's own digest; of `many` their bytes, and a hash of names and hashes.
  InputDigest sum(bool many) const;

 private:
  Hasher128 hasher_;
  std::uint64_t bytes_ = 0;
  InputDigest last_;
};

}  // namespace embedtool
