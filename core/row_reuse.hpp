#pragma once

// The port through which a run copies rows that were computed before. formats/output implements it.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "core/base/memory.hpp"
#include "core/data.hpp"

namespace embedtool {

/// By whom a row was computed.
enum class RowOrigin : std::uint8_t {
  this_run,     ///< for an equal text, earlier
  stopped_run,  ///< of which this is the continuation
  earlier_output,
};

/// Rows that were found for a window's texts: what a row depends on besides its record. Recycled.
struct ReusedRows {
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  struct Row {
    std::uint32_t n_tokens = 0;
    bool truncated = false;
    bool check = false;       ///< encode the text as well, and compare
    std::uint64_t first = 0;  ///< index of its first vector or weight
    std::uint64_t count = 0;  ///< how many it has
    RowOrigin origin = RowOrigin::this_run;
    const std::string* output = nullptr;  ///< the earlier output's name; null: another origin
  };

  std::vector<std::uint32_t> row_of;  ///< text → index into rows; kNone: it was not found
  std::vector<Row> rows;
  std::vector<std::byte> vectors;    ///< dense and multi: OutputSpec::vector_bytes() each
  std::vector<SparseEntry> weights;  ///< sparse: each row's heaviest first

  /// Starts anew: nothing is found of `texts` texts.
  void clear(std::size_t texts) {
    row_of.assign(texts, kNone);
    rows.clear();
    vectors.clear();
    weights.clear();
  }
  /// The row that was found for a text, or null.
  const Row* find(std::size_t text) const {
    return row_of.empty() || row_of[text] == kNone ? nullptr : &rows[row_of[text]];
  }
  /// The text's row is copied: it is neither tokenized nor encoded.
  bool is_copied(std::size_t text) const {
    const Row* row = find(text);
    return row != nullptr && !row->check;
  }
  std::span<const std::byte> vectors_of(const Row& row, std::size_t vector_bytes) const {
    return std::span(vectors).subspan(row.first * vector_bytes, row.count * vector_bytes);
  }
  std::span<const SparseEntry> weights_of(const Row& row) const {
    return std::span(weights).subspan(row.first, row.count);
  }
  /// Memory held.
  std::size_t bytes() const { return capacity_bytes(row_of, rows, vectors, weights); }
};

/// Finds rows that need not be computed, because a text's row depends on the text alone.
class RowReuse {
 public:
  virtual ~RowReuse() = default;
  /// Looks up a window's distinct texts by their hashes (RowInfo::text_hash), all at once. `out`
  /// was cleared for them. Called by the reader's thread, window by window in input order. Throws
  /// Error where a row that is there cannot be read.
  virtual void find(std::span<const Hash128> texts, ReusedRows& out) = 0;
  /// Rows that the sink has taken, in output order. Called by the writer's thread, also while
  /// find() runs.
  virtual void add(const EmbeddingBlock& /*block*/) {}
  /// Once the run has ended, well or not, and the sink has taken what it will.
  virtual void settle() {}
};

}  // namespace embedtool
