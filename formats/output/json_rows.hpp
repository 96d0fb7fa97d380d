#pragma once

// Writes rows as JSON directly into a byte buffer: this runs once per number of the output.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/enum_words.hpp"
#include "core/data.hpp"

namespace embedtool {

/// How JSON holds vectors.
enum class JsonEmbedding : std::uint8_t {
  array,
  base64,  ///< a string: the vectors' bytes as stored, little-endian, in Base64
};
template <>
inline constexpr auto enum_words<JsonEmbedding> = std::to_array<EnumWord<JsonEmbedding>>({
    {JsonEmbedding::array, "array"},
    {JsonEmbedding::base64, "base64"},
});

/// Appends ,"doc_id":…,"chunk":…, … of a record that is a chunk, with or without its text.
void append_chunk_members(std::string& out, const DocumentBlock& documents, std::size_t record,
                          bool text);

/// Formats rows of one output; recycles its buffers. Not thread-safe.
class JsonRows {
 public:
  explicit JsonRows(OutputSpec spec, JsonEmbedding form = JsonEmbedding::array)
      : spec_(std::move(spec)), form_(form) {}

  /// Appends {"id":…,"embedding":…,chunk…,kept…} and a newline. f32 and f16 are numbers, int8
  /// integers, binary its packed bytes as integers 0 … 255; multi-vector rows are arrays of such
  /// arrays, sparse rows objects {"token":weight,…}, heaviest first.
  void append_embedding_line(std::string& out, const EmbeddingBlock& block, std::size_t row);
  /// Appends the embedding alone.
  void append_embedding(std::string& out, const EmbeddingBlock& block, std::size_t row);
  /// Appends {"id":…,"n_tokens":…,"truncated":…,chunk…,kept…} and a newline.
  void append_id_line(std::string& out, const EmbeddingBlock& block, std::size_t row) const;

 private:
  void append_kept(std::string& out, const EmbeddingBlock& block, std::size_t row) const;
  void append_vector(std::string& out, const std::byte* vector);
  void append_vectors(std::string& out, std::span<const std::byte> vectors);
  static void append_weights(std::string& out, const EmbeddingBlock& block, std::size_t row);

  OutputSpec spec_;
  JsonEmbedding form_;
  std::vector<float> widened_;
};

}  // namespace embedtool
