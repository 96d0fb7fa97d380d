#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/data.hpp"
#include "formats/parquet/parquet_chunk_writer.hpp"

namespace embedtool {

/// How Parquet files are written; what they say is the same.
struct ParquetOptions {
  VectorEncoding encoding = VectorEncoding::plain;
  VectorType vectors = VectorType::fixed;
  bool indexed = true;  ///< sparse: SparseEntry::token is the token's number in the vocabulary
  int zstd_level = 1;   ///< 1 to 19, of ids and other texts
  /// A row group ends with the row that brings its values to so many bytes, uncompressed.
  std::uint64_t row_group_bytes = parquet::kRowGroupBytes;
};

/// Writes Parquet files of one layout one after another, recycling its buffers. A file's bytes are
/// a function of the spec, the options and the rows, not of how rows are split over append() calls.
/// Holds at most one row group and the largest row, and of the groups before some 100 bytes a page.
/// Not thread-safe.
class ParquetWriter {
 public:
  /// Throws Error(usage) for a spec that layout_of() refuses.
  ParquetWriter(const OutputSpec& spec, const ParquetOptions& options);

  /// Pages are encoded on the runner's threads from now on, or in append() if it is null. Waits for
  /// those under way.
  void set_runner(JobRunner* runner) { press_.set_runner(runner); }
  /// Starts a file; `out` outlives it.
  void begin(ByteSink& out);
  /// Appends rows first … last-1 of the block.
  void append(const EmbeddingBlock& block, std::size_t first, std::size_t last);
  /// Writes the last row group and the footer.
  void end();

  /// Value bytes appended to the file begun last, uncompressed.
  std::uint64_t file_values() const { return file_values_ + group_values_; }
  /// Rows of the file ended last.
  std::uint64_t rows() const { return static_cast<std::uint64_t>(meta_.rows); }
  /// Bytes that all files so far would have taken uncompressed.
  std::uint64_t bytes_raw() const { return bytes_raw_; }

 private:
  void add_row(const EmbeddingBlock& block, std::size_t row);
  void add_embedding(const EmbeddingBlock& block, std::size_t row);
  void add_weights(const EmbeddingBlock& block, std::size_t row);
  void add_chunk(const DocumentBlock& documents, std::size_t record);
  void add_kept(const DocumentBlock& documents, std::size_t record);
  parquet::ChunkWriter& column(std::size_t number) {
    return columns_[parquet::place_of(spec_, form_, number)];
  }
  void flush_group();
  void drop_large_filters(const parquet::RowGroupMeta& group);
  void put_indexes();
  void put(std::span<const std::byte> bytes);

  OutputSpec spec_;
  parquet::FileForm form_;
  parquet::Layout layout_;
  std::uint64_t row_group_bytes_;
  /// Of one chunk, to be written behind the last row group.
  struct ChunkIndexes {
    std::vector<std::byte> bloom;
    std::vector<std::byte> columns;
    std::vector<std::byte> offsets;
  };
  std::vector<parquet::ChunkWriter> columns_;
  ByteSink* out_ = nullptr;
  std::uint64_t offset_ = 0;
  std::size_t group_rows_ = 0;
  std::size_t group_values_ = 0;   ///< bytes
  std::uint64_t file_values_ = 0;  ///< bytes, of the groups before
  std::uint64_t bytes_raw_ = 0;
  std::vector<std::string_view> names_;  ///< of a sparse row's tokens
  std::vector<float> weights_;
  std::vector<TokenId> indices_;
  parquet::FileMeta meta_;
  std::vector<ChunkIndexes> indexes_;  ///< of the chunks in meta_, in their order
  parquet::PagePress press_;           ///< last: its jobs use the columns
};

}  // namespace embedtool
