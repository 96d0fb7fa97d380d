#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "core/data.hpp"
#include "core/text/chunk/chunker.hpp"
#include "core/text/token_feed.hpp"

namespace embedtool {

/// How a model reads a document of several chunks for late chunking: in one window, or in several
/// that overlap by half where the document is longer than the model's limit, and which of each
/// window's tokens are whose. A document's ids are those of its chunks, one after another, each
/// tokenized with the blank before it; the prompt is before the first. Each window has the special
/// tokens around it. A token counts in the window in which it is farther from an edge, the first
/// and the last special tokens of all in the first and the last chunk, the others nowhere.
///
/// Belongs to one thread.
class LateReading {
 public:
  /// `tokens`: as chunks are read, with a chunk's limit; `window`: the model's limit. Throws
  /// Error(usage) where special tokens are not a frame around a text's own.
  LateReading(const TokenSettings& tokens, std::size_t window);

  /// `spans` are the chunks of `text`, two or more, disjoint and in order.
  void open(std::string_view text, std::span<const ChunkSpan> spans);
  std::size_t windows() const { return windows_.size(); }
  /// The ids of a window; valid until the next call.
  std::span<const TokenId> ids(std::size_t window);
  /// Whose they are, in order; ChunkPiece::chunk is an index into the spans. Every chunk ends in
  /// exactly one window. Valid until the next open().
  std::span<const ChunkPiece> pieces(std::size_t window) const;
  /// Memory held.
  std::size_t bytes() const;

 private:
  /// Tokens begin … end-1 of the document. Those before `to` count here, if not before.
  struct Window {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t to = 0;
    Slice pieces;
  };

  void find_frame();
  void tokenize(std::string_view text, std::span<const ChunkSpan> spans);
  void place_windows();
  void cut_pieces(const Hash128& document, std::span<const ChunkSpan> spans);
  TokenSpan tokens_of(const Window& window, std::size_t begin, std::size_t end) const;

  const std::size_t chunk_limit_;
  const TokenSettings prompted_settings_;
  const TokenSettings plain_settings_;
  const TokenSettings framed_settings_;
  TokenFeed prompted_;         ///< neither limit nor special tokens
  TokenFeed plain_;            ///< nor prompt
  TokenFeed framed_;           ///< with special tokens instead
  std::vector<TokenId> head_;  ///< special tokens before a text
  std::vector<TokenId> tail_;  ///< and behind it
  std::size_t room_ = 0;       ///< tokens of a window without these

  std::vector<TokenId> body_;      ///< of the document
  std::vector<std::size_t> ends_;  ///< of each chunk, in body_
  std::vector<Window> windows_;
  std::vector<ChunkPiece> pieces_;
  std::vector<TokenId> ids_;
};

}  // namespace embedtool
