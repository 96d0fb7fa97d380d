#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/hash.hpp"
#include "formats/output/hash_index.hpp"
#include "formats/output/shard_reader.hpp"

namespace embedtool {

/// What shards hold besides ids, vectors and kept fields, row by row.
struct KeyedRow {
  Hash128 hash;
  RowKey key;
};

/// Reads the keys of an output's rows from some row on; vectors are not read. Not thread-safe.
class KeyReader {
 public:
  /// `directory` and `manifest` outlive it.
  KeyReader(const Directory& directory, const Manifest& manifest);

  /// The next row to be read will be this one, or none if it is past the end.
  void seek(std::uint64_t row);
  /// Replaces `out` by the next rows, `most` at most; none at the end.
  void read(std::vector<KeyedRow>& out, std::size_t most);
  std::uint64_t row() const { return row_; }

 private:
  ShardRows shards_;
  std::uint64_t row_ = 0;
  std::uint64_t rows_;
  OutputBlock block_;
};

/// Fetches the vectors or weights of an output's rows by their numbers. Pages without a wanted row
/// are not read, where their headers tell how many rows they have. Not thread-safe.
class RowFetcher {
 public:
  RowFetcher(const Directory& directory, const Manifest& manifest);

  /// Replaces `out` by the rows, which ascend: vectors or weights and offsets are filled.
  void fetch(std::span<const std::uint64_t> rows, OutputBlock& out);

 private:
  ShardRows shards_;
};

}  // namespace embedtool
