#include "core/text/token_feed.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace embedtool {
namespace {

/// One id a byte, between 1 and 2 where special tokens are asked for.
class ByteTokenizer final : public Tokenizer {
 public:
  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }
  TokenizeResult encode(std::string_view text, const TokenizeOptions& options, Scratch&,
                        std::vector<TokenId>& out) const override {
    const std::size_t special = options.add_special_tokens ? 2 : 0;
    const std::size_t room =
        options.max_tokens == 0 ? text.size() : std::min(text.size(), options.max_tokens - special);
    if (special > 0) out.push_back(1);
    for (const char c : text.substr(0, room)) out.push_back(static_cast<unsigned char>(c));
    if (special > 0) out.push_back(2);
    return {static_cast<std::uint32_t>(room + special), room < text.size()};
  }
  std::size_t vocab_size() const override { return 256; }
  std::string token(TokenId id) const override { return {static_cast<char>(id)}; }
  std::string_view kind() const override { return "bytes"; }
};

using Ids = std::vector<TokenId>;

TEST(TokenFeed, PutsThePromptBeforeEveryText) {
  const ByteTokenizer tokenizer;
  const TokenSettings settings{&tokenizer, "q: ", 0, true};
  TokenFeed feed(settings);
  for (const std::string text : {"long text", "x", ""}) {
    Ids ids;
    const TokenizeResult result = feed.append(text, ids);
    Ids want{1};
    for (const char c : "q: " + text) want.push_back(c);
    want.push_back(2);
    EXPECT_EQ(ids, want);
    EXPECT_EQ(result.n_tokens, want.size());
    EXPECT_FALSE(result.truncated);
  }
}

TEST(TokenFeed, AppendsAndCutsAtTheLimit) {
  const ByteTokenizer tokenizer;
  const TokenSettings settings{&tokenizer, "", 4, true};
  TokenFeed feed(settings);
  Ids ids{7};
  const TokenizeResult result = feed.append(std::string_view("abc"), ids);
  EXPECT_EQ(ids, (Ids{7, 1, 'a', 'b', 2}));
  EXPECT_EQ(result.n_tokens, 4U);
  EXPECT_TRUE(result.truncated);
}

TEST(TokenFeed, ReadyIdsGetNothingAdded) {
  const TokenSettings settings{nullptr, "q: ", 2, true};
  TokenFeed feed(settings);
  const Ids given{5, 6, 7};
  Ids ids;
  EXPECT_TRUE(feed.append(std::span<const TokenId>(given), ids).truncated);
  EXPECT_EQ(ids, (Ids{5, 6}));
}

TEST(TokenFeed, LeavesOutSpecialTokensWhereTold) {
  const ByteTokenizer tokenizer;
  const TokenSettings settings{&tokenizer, "", 0, false};
  TokenFeed feed(settings);
  Ids ids;
  feed.append(std::string_view("ab"), ids);
  EXPECT_EQ(ids, (Ids{'a', 'b'}));
}

}  // namespace
}  // namespace embedtool
