#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/hash.hpp"
#include "formats/io/external_sort.hpp"
#include "formats/io/scratch_file.hpp"

namespace embedtool {

/// What is known of a row without reading its vector: 24 bytes on disk with the hash.
struct RowKey {
  std::uint64_t row = 0;
  std::uint32_t n_tokens = 0;
  bool truncated = false;

  /// Whether it fits in pack()'s 64 bits: below 2^39 rows and 2^24 tokens.
  bool packs() const { return row < (std::uint64_t{1} << 39U) && n_tokens < (1U << 24U); }
  std::uint64_t pack() const;
  static RowKey unpack(std::uint64_t packed);
};

/// A sorted file of text hashes and their rows on disk. In memory it has the first hash of every
/// block only, so that a look-up reads one block. Not thread-safe.
class HashIndex {
 public:
  /// Builds it in `folder`, sorting within `memory` bytes.
  class Builder {
   public:
    Builder(const std::string& folder, std::size_t memory)
        : folder_(folder), sort_(folder, memory) {}
    /// A key that does not pack() is left out.
    void add(const Hash128& hash, const RowKey& key);
    HashIndex finish();

   private:
    std::string folder_;
    ExternalSort sort_;
  };

  /// The first row with that hash.
  std::optional<RowKey> find(const Hash128& hash);
  std::uint64_t size() const { return size_; }

 private:
  explicit HashIndex(const std::string& folder) : file_(folder) {}
  void load(std::size_t block);

  ScratchFile file_;
  std::uint64_t size_ = 0;
  std::vector<std::uint64_t> firsts_;  ///< high half of each block's first hash
  std::vector<std::byte> block_;       ///< the one read last
  std::size_t loaded_ = SIZE_MAX;
};

}  // namespace embedtool
