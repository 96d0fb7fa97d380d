#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/memory.hpp"
#include "core/data.hpp"
#include "core/model/workspace.hpp"
#include "core/pipeline/text_set.hpp"
#include "core/row_reuse.hpp"

namespace embedtool {

/// A window's rows in input order. Recycled. Steps: begin(), add() in order, lay_out(), then put()
/// from several threads, each text by one of them, then finish().
class RowStore {
 public:
  /// `spec` must outlive the rows; `texts`: how many texts the window has.
  void begin(const OutputSpec& spec, std::size_t texts);
  /// Appends a row. `text` is TextSet::kNone for a ready vector. `vectors`: how many the text
  /// gives, in a multi-vector output.
  void add(const RowInfo& info, std::uint32_t text, std::size_t vectors);
  /// All rows have been added; put() will be called for `batches` batches.
  void lay_out(std::size_t batches);

  /// The buffer that keeps the rows of a batch until finish(), or null if put() copies them and the
  /// worker's own buffer will do.
  RowBatch* buffer_of(std::size_t batch);
  /// Row `i` of a batch is that of `text`.
  void put(std::size_t batch, const RowBatch& rows, std::size_t i, std::uint32_t text);
  /// Fills in the rows that were not encoded: reused ones, copies of equal texts, ready vectors.
  /// Compares those that are to be checked: throws Error(failed) for one that differs.
  void finish(const DocumentBlock& documents, const ReusedRows& reused);

  std::span<const RowInfo> rows() const { return rows_; }
  /// The row has its vector from an earlier row of an equal text.
  bool is_copy(std::size_t row) const {
    return text_of_[row] != TextSet::kNone && first_row_[text_of_[row]] != row;
  }
  bool is_ready_vector(std::size_t row) const { return text_of_[row] == TextSet::kNone; }
  /// The finished rows; valid until the next begin().
  EmbeddingBlock view(const DocumentBlock& documents) const;

  /// Memory held.
  std::size_t bytes() const;

 private:
  /// Where a sparse text's weights are until finish().
  struct Place {
    std::uint32_t batch = 0;
    std::uint32_t row = 0;  ///< of that batch
  };

  std::size_t first_of(std::size_t row) const { return offsets_.empty() ? row : offsets_[row]; }
  std::byte* vectors_of(std::size_t row) { return vectors_.data() + first_of(row) * vector_bytes_; }
  std::size_t count_of(std::size_t row) const {
    return offsets_.empty() ? 1 : offsets_[row + 1] - offsets_[row];
  }
  void store(std::size_t row, std::size_t count, const float* values);
  void take_reused(const ReusedRows& reused);
  void gather_weights(const ReusedRows& reused);
  std::span<const SparseEntry> encoded_weights(std::uint32_t text) const;
  void check(const DocumentBlock& documents, const ReusedRows& reused);
  bool is_same(std::size_t row, const ReusedRows& reused, const ReusedRows::Row& found);

  const OutputSpec* spec_ = nullptr;
  std::size_t vector_bytes_ = 0;
  std::vector<RowInfo> rows_;
  std::vector<std::uint32_t> text_of_;    ///< row → text
  std::vector<std::uint32_t> first_row_;  ///< text → its first row
  std::vector<std::uint64_t> offsets_;    ///< ragged rows; see EmbeddingBlock::offsets
  Buffer<std::byte> vectors_;             ///< dense and multi
  std::size_t vector_count_ = 0;
  std::vector<SparseEntry> weights_;  ///< sparse
  std::vector<RowBatch> batches_;     ///< sparse rows in the order of their batches
  std::vector<Place> place_of_;       ///< text → its weights in batches_
};

}  // namespace embedtool
