#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "formats/io/durable_file.hpp"
#include "formats/output/manifest.hpp"
#include "formats/parquet/parquet_reader.hpp"

namespace embedtool {

/// Reads a complete Parquet output from its first row to its last, shard by shard. Directory and
/// files are hostile: see ParquetReader. Damage that a CRC or a bound shows ends in an Error naming
/// the file; verify_output() finds all of it. Not thread-safe.
class OutputReader {
 public:
  /// Throws Error when there is no manifest (an unfinished output says so), it is damaged, or the
  /// output is not Parquet.
  explicit OutputReader(const std::string& directory);

  const std::string& path() const { return directory_.path(); }
  const Manifest& manifest() const { return manifest_; }
  const OutputSpec& spec() const { return spec_; }
  std::uint64_t rows() const { return manifest_.rows; }
  /// OutputSpec::metadata that the first shard was written with; empty without shards.
  std::vector<std::pair<std::string, std::string>> shard_metadata() const;

  /// Clears `block` and fills it up to `limits`; Record::ordinal counts rows of the whole output.
  /// False when all rows have been read.
  bool read(OutputBlock& block, const BlockLimits& limits);

 private:
  void open_next_shard();

  Directory directory_;
  Manifest manifest_;
  OutputSpec spec_;
  std::size_t next_shard_ = 0;
  std::uint64_t next_row_ = 0;
  std::unique_ptr<DirectoryFile> file_;
  std::unique_ptr<ParquetReader> reader_;
};

/// Reads parts of an output's rows at any place, and is fast where places ascend. Not thread-safe.
class ShardRows {
 public:
  /// `directory` and `manifest` outlive it.
  ShardRows(const Directory& directory, const Manifest& manifest, RowParts parts);

  /// Appends rows from `row` on to `block`, `count` at most and only those of one shard; returns
  /// how many, 0 past the end.
  std::size_t read(std::uint64_t row, std::size_t count, OutputBlock& block);

 private:
  void open(std::size_t shard);

  const Directory& directory_;
  const Manifest& manifest_;
  RowParts parts_;
  std::size_t open_ = SIZE_MAX;  ///< index of the shard that reader_ reads
  std::uint64_t next_ = 0;       ///< the row that reader_ reads next
  std::unique_ptr<DirectoryFile> file_;
  std::unique_ptr<ParquetReader> reader_;
};

/// Loads and parses a directory's manifest. Throws an Error that says what to do if there is none.
Manifest load_manifest(const Directory& directory);

/// Opens a shard and compares its spec and number of rows with the manifest.
std::unique_ptr<ParquetReader> open_shard(const DirectoryFile& file, const Manifest& manifest,
                                          const ShardEntry& shard, RowParts parts = {});

}  // namespace embedtool
