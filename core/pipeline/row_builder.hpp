#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/data.hpp"
#include "core/ports.hpp"

namespace embedtool {

/// Builds dense rows that are not those of a window. Recycled. Not thread-safe.
class RowBuilder {
 public:
  explicit RowBuilder(const OutputSpec& spec)
      : type_(spec.type), dims_(spec.dims), int8_scale_(spec.int8_scale) {}

  void clear();
  /// Appends a row of that id, whose record is otherwise that of `row` in `documents`: kept fields
  /// are copied. `vector` has the spec's dims; it is converted to the spec's type.
  void add(const DocumentBlock& documents, const RowInfo& row, std::string_view id,
           const float* vector);
  /// The same for a row that is a chunk.
  void add_chunk(const DocumentBlock& documents, const RowInfo& row, const ChunkPlace& place,
                 const float* vector);
  std::size_t rows() const { return rows_.size(); }
  /// The rows, valid until the next call of another function. `end`: see DocumentBlock::end.
  EmbeddingBlock block(std::uint64_t end);

 private:
  void put(const DocumentBlock& documents, const RowInfo& row, Slice id, const float* vector);

  const OutputType type_;
  const std::size_t dims_;
  const float int8_scale_;
  DocumentBlock documents_;
  std::vector<RowInfo> rows_;
  std::vector<std::byte> vectors_;
};

/// A sink that makes dense rows of the rows that come, for another sink. Called by one thread.
class RowStep : public EmbeddingSink {
 public:
  void set_runner(JobRunner* runner) override { out_.set_runner(runner); }
  void finish() override { out_.finish(); }
  std::uint64_t bytes_written() const override { return out_.bytes_written(); }
  std::uint64_t bytes_raw() const override { return out_.bytes_raw(); }
  /// Rows handed on.
  std::uint64_t rows() const { return row_count_; }

 protected:
  /// `rows`: what is made, for `out`, which must outlive this.
  RowStep(EmbeddingSink& out, const OutputSpec& rows) : done_(rows), out_(out) {}
  /// Writes the rows of done_, if there are any, and empties it.
  void hand_on(std::uint64_t end);

  RowBuilder done_;

 private:
  EmbeddingSink& out_;
  std::uint64_t row_count_ = 0;
};

}  // namespace embedtool
