#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/chunk/chunk_rule.hpp"
#include "core/text/token_feed.hpp"
#include "core/text/unicode/text_borders.hpp"

namespace embedtool {

/// A chunk of a text: bytes begin … end-1, code points begin_char … end_char-1.
struct ChunkSpan {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t begin_char = 0;
  std::size_t end_char = 0;
  std::uint32_t n_tokens = 0;        ///< as the model reads it, prompt and prefix included
  std::uint32_t overlap_tokens = 0;  ///< of its text, those that the chunk before has as well
};

/// Cuts texts into chunks that a model reads whole. The model's own tokenizer counts, and what it
/// counts is what will be encoded: prompt, prefix, the chunk's text and the special tokens.
///
/// Chunks are filled in order, each with as many whole pieces as fit: paragraphs (blank lines end
/// them), sentences, or words. A piece that is too long for a chunk is cut at the next finer
/// borders: lines, sentences, words, grapheme clusters, and code points where one cluster is too
/// long. A chunk has at most 64 bytes for each token of its limit, because some models read a run
/// of letters, however long, as one token. Spans are in order; without overlap they are disjoint,
/// and together they are the text but for white space at cuts. Where they are depends on the text,
/// the rule and the tokenizer alone.
///
/// Time is proportional to the text, whatever it holds. Keeps its buffers from call to call;
/// belongs to one thread.
class Chunker {
 public:
  /// Tokens that must be left for text beside special tokens, prompt and prefix.
  static constexpr std::size_t kLeastRoom = 8;

  /// `settings` has a tokenizer, max_tokens is a chunk's limit, and it must outlive the chunker.
  /// Throws Error(usage) where special tokens and prompt leave too little room, or where the
  /// overlap is more than half of the limit.
  Chunker(const TokenSettings& settings, const ChunkRule& rule);

  /// Replaces `spans` by the chunks of `text` (valid UTF-8), before each of which `prefix` will be
  /// put: one or more, and one with all of a text that fits. Returns an empty string, or why the
  /// text cannot be cut: a sentence for a reject.
  std::string split(std::string_view text, std::string_view prefix, std::vector<ChunkSpan>& spans);
  /// Tokens of `prefix` itself.
  std::size_t count_alone(std::string_view prefix) { return count_plain(prefix); }

 private:
  /// Coarse to fine.
  enum class Level : std::uint8_t { paragraph, line, sentence, word };
  /// A chunk that is being filled. Its ends are not trimmed.
  struct Filling {
    std::size_t begin = 0;
    std::size_t end = 0;    ///< a border; begin where nothing fits
    std::size_t used = 0;   ///< tokens so far, added up piece by piece
    std::size_t next = 0;   ///< tokens of the piece that did not fit any more; 0: it is cut
    std::size_t count = 0;  ///< tokens of the whole, trimmed
    Level level = Level::sentence;
    std::size_t run = 0;  ///< tokens that the next run of words may have
  };
  /// A piece that a chunk has taken.
  struct Mark {
    std::size_t end = 0;
    std::size_t tokens = 0;
  };
  /// Where the end of a part of a word is looked for.
  struct Room {
    std::size_t begin = 0;
    std::size_t limit = 0;
    std::size_t tokens = 0;  ///< for which there is room
    bool forced = false;     ///< something must be taken
  };
  /// The stretch in which a border was looked for last.
  struct Stretch {
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  std::string start(std::string_view text, std::string_view prefix);
  bool fits_whole(std::vector<ChunkSpan>& spans);
  std::string cut(std::vector<ChunkSpan>& spans);
  void count_chars(std::vector<ChunkSpan>& spans) const;
  Filling fill(std::size_t begin);
  bool take_piece(Filling& chunk);
  bool take_words(Filling& chunk);
  void take_clusters(Filling& chunk, std::size_t limit);
  void take(Filling& chunk, std::size_t end, std::size_t tokens);
  bool verify(Filling& chunk);

  std::size_t overlap_start(const Filling& chunk, std::size_t next);
  std::size_t first_within(std::size_t next, std::size_t most);
  std::size_t last_words(std::size_t begin, std::size_t next, std::size_t most);

  std::size_t border_after(Level level, std::size_t at);
  std::size_t line_after(std::size_t at);
  std::size_t paragraph_after(std::size_t at);
  template <typename Fits>
  std::size_t last_that_fits(std::size_t begin, const Fits& fits) const;
  template <typename Fits>
  std::size_t fit(const Room& room, const Fits& fits);
  void list_clusters(std::size_t begin, std::size_t from, std::size_t limit);
  void list_code_points(std::size_t begin, std::size_t limit);

  std::string_view part(std::size_t begin, std::size_t end) const {
    return text_.substr(begin, end - begin);
  }
  /// Where a chunk that is filled up to `end` ends.
  std::size_t trimmed_end(std::size_t begin, std::size_t end) const;
  std::size_t skip_blanks(std::size_t at) const;
  std::size_t expected_bytes(std::size_t tokens) const;
  std::size_t count_plain(std::string_view text);
  std::size_t count_piece(const Filling& chunk, std::size_t end);
  std::size_t most_end(std::size_t begin) const;
  std::size_t count_whole(std::size_t begin, std::size_t end);

  const std::size_t limit_;
  const ChunkRule rule_;
  TokenFeed feed_;
  const TokenSettings plain_settings_;
  TokenFeed plain_;  ///< counts pieces: no prompt, no special tokens
  unicode::BorderFinder sentences_{unicode::TextUnit::sentence};
  unicode::BorderFinder words_{unicode::TextUnit::word};

  std::string_view text_;
  std::string fed_;           ///< begins with the prefix
  std::size_t prefix_ = 0;    ///< its length
  std::size_t overhead_ = 0;  ///< tokens of a chunk without text
  // Of the text so far; a new text begins with what is usual.
  std::size_t counted_bytes_ = 0;
  std::size_t counted_tokens_ = 0;
  Stretch line_;
  Stretch paragraph_;
  std::vector<Mark> marks_;           ///< of the chunk at hand
  std::vector<std::size_t> borders_;  ///< of words, clusters or code points
  std::vector<TokenId> ids_;
};

}  // namespace embedtool
