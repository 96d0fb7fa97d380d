#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/data.hpp"
#include "core/ports.hpp"
#include "formats/parquet/parquet_chunk_reader.hpp"

namespace embedtool {

/// Numbers token names: as the file does or, where it does not, in the order of their first
/// appearance. Not thread-safe.
class TokenNumbers {
 public:
  /// Throws Damaged for more than `most` names, or for more bytes than any vocabulary has.
  TokenId number_of(std::string_view name, std::size_t most);
  /// Takes the file's number, below `most`, for a name. Throws Damaged where it had another name,
  /// and for more bytes than any vocabulary has.
  void set(TokenId number, std::string_view name, std::size_t most);
  /// By number; empty for one that has not come yet.
  std::span<const std::string> names() const { return names_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  std::vector<std::string> names_;
  std::unordered_map<std::string, TokenId, Hash, std::equal_to<>> numbers_;
  std::vector<bool> known_;  ///< by number, where the file numbers them
  std::size_t bytes_ = 0;
};

/// Rows read back from an output: what an EmbeddingBlock views, owned and recycled.
struct OutputBlock {
  DocumentBlock documents;  ///< ids and kept fields; payloads are empty, ordinals count rows
  std::vector<RowInfo> rows;
  std::vector<std::byte> vectors;      ///< of dense and multi rows
  std::vector<SparseEntry> weights;    ///< of sparse rows
  std::vector<std::uint64_t> offsets;  ///< empty unless multi-vector or sparse
  TokenNumbers tokens;                 ///< of sparse rows; kept when the block is cleared

  void clear();
  EmbeddingBlock view() const {
    return {&documents, rows, vectors, weights, offsets, tokens.names()};
  }
  std::size_t byte_size() const {
    return documents.byte_size() + vectors.size() + weights.size() * sizeof(SparseEntry);
  }
};

/// Which columns are read; the others stay unread, and what they would fill stays empty.
struct RowParts {
  bool ids = true;
  bool vectors = true;  ///< or weights
  bool info = true;     ///< n_tokens, truncated, text_hash
  bool kept = true;     ///< kept fields, and places of chunks
};

/// Reads one Parquet file of ParquetWriter's layout, front to back; other files are refused.
/// Input is hostile: everything is bounded, and every failure is an Error naming the file.
/// Not thread-safe.
class ParquetReader {
 public:
  /// `in` outlives the reader. Reads and checks the footer.
  explicit ParquetReader(const RandomBytes& in, RowParts parts = {});

  const OutputSpec& spec() const { return spec_; }
  const parquet::FileForm& form() const { return form_; }
  std::uint64_t rows() const { return static_cast<std::uint64_t>(meta_.rows); }
  std::size_t row_groups() const { return meta_.row_groups.size(); }

  /// Appends rows to `block` until it has reached either limit. False when the file was
  /// exhausted before the call.
  bool read(OutputBlock& block, const BlockLimits& limits);
  /// Passes over the next `count` rows, which the file has; most of their pages are not read.
  void skip(std::uint64_t count);

 private:
  std::uint64_t check_groups() const;
  void check_indexes(std::uint64_t position) const;
  bool is_read(std::size_t column) const;
  void catch_up();
  void open_group();
  void read_row(OutputBlock& block);
  std::size_t read_embedding(OutputBlock& block);
  TokenId read_token(OutputBlock& block, std::size_t i);
  parquet::ChunkReader& column(std::size_t number) {
    return columns_[parquet::place_of(spec_, form_, number)];
  }
  void read_chunk(DocumentBlock& documents);
  void read_kept(DocumentBlock& documents);

  const RandomBytes& in_;
  parquet::FileMeta meta_;
  OutputSpec spec_;
  parquet::FileForm form_;
  parquet::PageCodec codec_;
  std::unique_ptr<parquet::PageBudget> budget_;
  std::vector<parquet::ChunkReader> columns_;
  std::uint64_t footer_start_ = 0;
  std::size_t next_group_ = 0;
  std::int64_t rows_left_ = 0;  ///< in the open row group
  std::uint64_t skipped_ = 0;   ///< rows before them that the columns have yet to pass over
  RowParts parts_;
  std::vector<std::string_view> names_;  ///< of a sparse row's tokens
  std::vector<std::byte> weights_;
  std::vector<std::byte> indices_;
};

}  // namespace embedtool
