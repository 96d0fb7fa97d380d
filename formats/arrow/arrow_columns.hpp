#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/data.hpp"

namespace embedtool::arrow {

/// A block of rows as the nodes and buffers of a record batch, in the order of fields_of(). Some
/// buffers are views of the block, which outlives this.
class BatchColumns {
 public:
  /// Of a buffer's place and size, which are padded to it.
  static constexpr std::size_t kAlignment = 64;
  static std::int64_t padded(std::int64_t size) {
    constexpr auto kStep = static_cast<std::int64_t>(kAlignment);
    return (size + kStep - 1) / kStep * kStep;
  }

  /// Throws Error for a block of 2^31 vector elements or bytes of a column, and more.
  BatchColumns(const OutputSpec& spec, const EmbeddingBlock& block);

  std::int64_t rows() const { return rows_; }
  /// Length and number of nulls.
  std::span<const std::pair<std::int64_t, std::int64_t>> nodes() const { return nodes_; }
  std::span<const std::span<const std::byte>> buffers() const { return buffers_; }

 private:
  void add_node(std::size_t length, std::size_t nulls = 0);
  void add_view(std::span<const std::byte> bytes) { buffers_.push_back(bytes); }
  void add_owned(std::vector<std::byte> bytes);
  void add_offsets(std::span<const std::int32_t> offsets);
  void add_embedding(const OutputSpec& spec, const EmbeddingBlock& block);
  void add_weights(const EmbeddingBlock& block);
  void add_offsets_of(const EmbeddingBlock& block);
  template <typename TextAt, typename Take>
  void add_nullable(std::size_t count, TextAt&& at, Take&& take);
  template <typename TextAt>
  void add_strings(std::size_t count, TextAt&& at);
  template <typename TextAt>
  void add_booleans(std::size_t count, TextAt&& at);
  template <typename TextAt, typename Parse>
  void add_numbers(std::size_t count, TextAt&& at, Parse&& parse);
  void add_rows(const EmbeddingBlock& block);
  void add_chunks(const OutputSpec& spec, const EmbeddingBlock& block);
  void add_kept(const OutputSpec& spec, const EmbeddingBlock& block);

  std::int64_t rows_ = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> nodes_;
  std::vector<std::span<const std::byte>> buffers_;
  std::vector<std::vector<std::byte>> owned_;
};

}  // namespace embedtool::arrow
