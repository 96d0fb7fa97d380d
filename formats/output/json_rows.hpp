#pragma once

// Writes rows as JSON directly into a byte buffer: this runs once per number of the output.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/data.hpp"

namespace embedtool {

/// Formats rows of one output; recycles its buffers. Not thread-safe.
class JsonRows {
 public:
  explicit JsonRows(OutputSpec spec) : spec_(std::move(spec)) {}

  /// Appends {"id":…,"embedding":…,kept…} and a newline. f32 and f16 are numbers, int8 integers,
  /// binary its packed bytes as integers 0 … 255; multi-vector rows are arrays of such arrays,
  /// sparse rows objects {"token":weight,…}, heaviest first.
  void append_embedding_line(std::string& out, const EmbeddingBlock& block, std::size_t row);
  /// Appends {"id":…,"n_tokens":…,"truncated":…,kept…} and a newline.
  void append_id_line(std::string& out, const EmbeddingBlock& block, std::size_t row) const;

 private:
  void append_kept(std::string& out, const EmbeddingBlock& block, std::size_t row) const;
  void append_vector(std::string& out, const std::byte* vector);
  void append_vectors(std::string& out, std::span<const std::byte> vectors);
  static void append_weights(std::string& out, const EmbeddingBlock& block, std::size_t row);

  OutputSpec spec_;
  std::vector<float> widened_;
};

}  // namespace embedtool
