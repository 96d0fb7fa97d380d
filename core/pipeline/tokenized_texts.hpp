#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/data.hpp"
#include "core/pipeline/text_set.hpp"
#include "core/row_reuse.hpp"
#include "core/text/token_feed.hpp"

namespace embedtool {

/// The token ids of a window's texts, produced chunk by chunk; several threads may tokenize
/// different chunks at once. Recycled.
class TokenizedTexts {
 public:
  /// Cuts the texts whose rows are not copied into chunks of work. Discards earlier results.
  void cut(const TextSet& texts, const ReusedRows& reused);
  std::size_t chunks() const { return chunk_ends_.size(); }
  void tokenize(const TextSet& texts, std::size_t chunk, TokenFeed& feed);

  std::span<const TokenId> ids_of(std::size_t text) const {
    const Text& t = texts_[text];
    return {chunk_ids_[t.chunk].data() + t.offset, t.length};
  }
  std::uint32_t length_of(std::size_t text) const { return texts_[text].length; }
  /// The text had more tokens than the limit.
  bool truncated(std::size_t text) const { return texts_[text].truncated; }

  /// Memory held.
  std::size_t bytes() const;

 private:
  /// The chunk of a text that needs no ids.
  static constexpr std::uint32_t kNoChunk = 0xFFFFFFFF;

  struct Text {
    std::uint64_t offset = 0;  ///< into the ids of its chunk
    std::uint32_t chunk = kNoChunk;
    std::uint32_t length = 0;
    bool truncated = false;
  };

  std::vector<Text> texts_;
  std::vector<std::uint32_t> chunk_ends_;        ///< texts of chunk c end here
  std::vector<std::vector<TokenId>> chunk_ids_;  ///< may hold more chunks than there are now
};

}  // namespace embedtool
