#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/base/check.hpp"
#include "core/data.hpp"
#include "core/model/spec.hpp"
#include "core/ports.hpp"

namespace embedtool {

/// What an adapter adds to rows of a table. Borrows the change's tensors.
class TableChange {
 public:
  TableChange() = default;  ///< nothing
  explicit TableChange(const LowRankChange& change);

  /// out[width] += what row `row` gets; not of a change that is nothing.
  void add_to(std::size_t row, float* out) const;
  std::size_t owned_bytes() const { return down_.size() * sizeof(float); }
  bool empty() const { return up_ == nullptr; }

 private:
  const TensorView* up_ = nullptr;  ///< [rows, rank]
  std::vector<float> down_;         ///< [rank, width], scaled
};

/// The word embedding table, read straight from the mapped weights: rows are widened to f32 as they
/// are gathered, so that the table costs no memory of its own and unused rows are never read.
/// Immutable, thread-safe; borrows the WeightSource.
class EmbeddingTable {
 public:
  EmbeddingTable(const ModelSpec& spec, const WeightSource& source);

  std::size_t vocab_size() const { return vocab_; }
  DType type() const { return table_->dtype; }

  /// Throws Error(ExitCode::model) when an id lies outside of the table.
  void check(std::span<const TokenId> ids) const;

  /// Ids of the next two are within the table: see check().
  ///
  /// out[table width] = the row of `id`, with what an adapter adds to it, times its weight where
  /// the table has weights.
  void gather(TokenId id, float* out) const;

  /// out[table width] = the mean of the rows of `ids`, weighted likewise; zeros without ids. What
  /// static models are, without writing the rows down first.
  void average(std::span<const TokenId> ids, float* out) const;

  /// What is added to the gathered row of the token at `position`, the position's row and token
  /// type 0's added up; null where the model has neither.
  const float* position_row(std::size_t position) const {
    if (!common_.empty()) return common_.data();
    EMBEDTOOL_CHECK(positions_.empty() || (position + 1) * hidden_ <= positions_.size());
    return positions_.empty() ? nullptr : positions_.data() + position * hidden_;
  }
  /// Bytes of the table where it lies.
  std::size_t borrowed_bytes() const { return table_->bytes.size(); }
  std::size_t owned_bytes() const {
    return (positions_.size() + common_.size() + weights_.size()) * sizeof(float) +
           change_.owned_bytes();
  }

 private:
  const std::byte* row_of(TokenId id) const;
  void read_positions(const ModelSpec& spec, const WeightSource& source);
  void read_type(const ModelSpec& spec, const WeightSource& source,
                 std::vector<float>& type0) const;
  void read_static_parts(const ModelSpec& spec, const WeightSource& source);

  const TensorView* table_ = nullptr;
  std::size_t hidden_ = 0;
  std::size_t vocab_ = 0;
  std::vector<float> positions_;  ///< offset applied: row 0 belongs to the first token
  std::vector<float> common_;     ///< token type 0, of models without learned positions
  std::vector<float> weights_;    ///< [vocab] or empty
  TableChange change_;
  std::vector<std::int64_t> mapping_;  ///< [vocab] → table row, or empty
};

}  // namespace embedtool
