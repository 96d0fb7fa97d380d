#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/hash.hpp"
#include "core/row_reuse.hpp"
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

/// Token ids by their names.
using Vocabulary = std::unordered_map<std::string, TokenId>;
/// That of a sparse output; null for another.
std::shared_ptr<const Vocabulary> vocabulary_of(const OutputSpec& spec);

/// Appends a row to `out`, with nothing but its vectors or weights, which are `bytes` of them.
void append_row(const OutputSpec& spec, std::span<const std::byte> bytes, ReusedRows& out);

/// Fetches the vectors or weights of an output's rows by their numbers. Pages without a wanted row
/// are not read, where their headers tell how many rows they have. Not thread-safe.
class RowFetcher {
 public:
  /// `directory` and `manifest` outlive it. `vocabulary`: by which the names in a sparse output
  /// become ids.
  RowFetcher(const Directory& directory, const Manifest& manifest,
             std::shared_ptr<const Vocabulary> vocabulary);

  /// Appends the rows, which ascend, to `out`: one Row each, with its vectors or weights alone.
  void fetch(std::span<const std::uint64_t> rows, ReusedRows& out);

 private:
  TokenId token_of(TokenId number);

  const Directory& directory_;
  OutputSpec spec_;
  std::shared_ptr<const Vocabulary> vocabulary_;
  ShardRows shards_;
  OutputBlock block_;
  std::vector<TokenId> tokens_;  ///< ids by the block's numbers
};

}  // namespace embedtool
