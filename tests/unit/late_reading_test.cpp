// Documents that a model reads once for several chunks: every token is one chunk's, and counts
// where it is farther from an edge.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/pipeline/late_reading.hpp"
#include "tests/support/tokenizer_cases.hpp"

namespace embedtool {
namespace {

using testing::TinyJson;

/// A document of one-letter words, its chunks, and how it is read.
class LateReadingTest : public ::testing::Test {
 protected:
  void read(std::size_t words, std::size_t chunk_tokens, std::size_t window) {
    text_.clear();
    const std::string letters = "abex";
    for (std::size_t i = 0; i < words; ++i) {
      text_ += letters[random_() % letters.size()];
      text_ += i + 1 == words || random_() % 5 == 0 ? "! " : " ";
    }
    settings_ = {tokenizer_.get(), "", chunk_tokens, true};
    Chunker chunker(settings_, {});
    ASSERT_EQ(chunker.split(text_, "", spans_), "");
    if (spans_.size() < 2) return;
    reading_.emplace(settings_, window);
    reading_->open(text_, spans_);
  }

  std::vector<TokenId> tokens_of(std::string_view text, bool special) const {
    const TokenSettings settings{tokenizer_.get(), "", 0, special};
    TokenFeed feed(settings);
    std::vector<TokenId> ids;
    feed.append(text, ids);
    return ids;
  }

  /// The tokens of all pieces, chunk by chunk.
  std::vector<std::vector<TokenId>> pieced_together() {
    std::vector<std::vector<TokenId>> chunks(spans_.size());
    std::size_t next = 0;
    for (std::size_t w = 0; w < reading_->windows(); ++w) {
      const auto ids = reading_->ids(w);
      for (const ChunkPiece& piece : reading_->pieces(w)) {
        EXPECT_EQ(piece.chunk, next);
        EXPECT_LE(piece.tokens.begin, piece.tokens.end);
        EXPECT_LE(piece.tokens.end, ids.size());
        EXPECT_FALSE(piece.is_all());
        chunks[next].insert(chunks[next].end(), ids.begin() + piece.tokens.begin,
                            ids.begin() + piece.tokens.end);
        if (piece.ends_chunk) ++next;
      }
    }
    EXPECT_EQ(next, spans_.size());
    return chunks;
  }

  std::unique_ptr<Tokenizer> tokenizer_ = TinyJson().make();
  std::mt19937 random_{7};
  TokenSettings settings_;
  std::string text_;
  std::vector<ChunkSpan> spans_;
  std::optional<LateReading> reading_;
};

TEST_F(LateReadingTest, EveryTokenIsOneChunks) {
  for (int round = 0; round < 300; ++round) {
    const std::size_t chunk = 12 + random_() % 30;
    const std::size_t window = chunk + random_() % 40;
    ASSERT_NO_FATAL_FAILURE(read(random_() % 200, chunk, window));
    if (spans_.size() < 2) continue;
    SCOPED_TRACE(fmt::format("{} chunks of {}, {} windows of {}", spans_.size(), chunk,
                             reading_->windows(), window));
    std::vector<TokenId> all;
    const auto chunks = pieced_together();
    for (std::size_t k = 0; k < chunks.size(); ++k) {
      // With its special token, where it is the first or the last.
      EXPECT_LE(chunks[k].size(), chunk);
      const std::string part = text_.substr(spans_[k].begin, spans_[k].end - spans_[k].begin);
      const std::size_t special = k == 0 || k + 1 == chunks.size() ? 1 : 0;
      EXPECT_EQ(chunks[k].size(), tokens_of(part, false).size() + special);
      all.insert(all.end(), chunks[k].begin(), chunks[k].end());
    }
    EXPECT_EQ(all, tokens_of(text_, true));
    for (std::size_t w = 0; w < reading_->windows(); ++w) {
      EXPECT_LE(reading_->ids(w).size(), window);
    }
  }
}

TEST_F(LateReadingTest, TokensCountFarFromEdges) {
  ASSERT_NO_FATAL_FAILURE(read(300, 12, 42));
  ASSERT_GT(reading_->windows(), 5U);
  constexpr std::size_t kRoom = 40;
  for (std::size_t w = 1; w + 1 < reading_->windows(); ++w) {
    const auto pieces = reading_->pieces(w);
    EXPECT_GE(pieces.front().tokens.begin, 1 + kRoom / 4);
    EXPECT_LE(pieces.back().tokens.end, 1 + kRoom - kRoom / 4);
  }
  EXPECT_EQ(reading_->pieces(0).front().tokens.begin, 0U);
  const std::size_t last = reading_->windows() - 1;
  EXPECT_EQ(reading_->pieces(last).back().tokens.end, reading_->ids(last).size());
}

TEST_F(LateReadingTest, HashesTellDocumentAndPlaceApart) {
  ASSERT_NO_FATAL_FAILURE(read(60, 12, 100));
  ASSERT_EQ(reading_->windows(), 1U);
  const auto pieces = reading_->pieces(0);
  const Hash128 first = pieces[0].text_hash;
  EXPECT_NE(first, pieces[1].text_hash);
  text_ += "a";
  reading_->open(text_, spans_);
  EXPECT_NE(reading_->pieces(0)[0].text_hash, first);
}

}  // namespace
}  // namespace embedtool
