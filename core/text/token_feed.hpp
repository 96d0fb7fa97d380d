#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/data.hpp"
#include "core/text/tokenizer.hpp"

namespace embedtool {

/// How texts become the token ids that a model reads; shared by everything that encodes.
struct TokenSettings {
  const Tokenizer* tokenizer = nullptr;  ///< borrowed; null: only ready ids can be fed
  std::string prompt;                    ///< put before every text
  std::size_t max_tokens = 0;            ///< special tokens included; 0 = no limit
  bool add_special_tokens = true;
};

/// Turns texts and ready ids into token ids within the limit. Keeps its buffers from call to call;
/// belongs to one thread.
class TokenFeed {
 public:
  /// `settings` must outlive the feed.
  explicit TokenFeed(const TokenSettings& settings);

  /// Appends the ids of prompt + text. Precondition: there is a tokenizer.
  TokenizeResult append(std::string_view text, std::vector<TokenId>& out);
  /// Appends ready ids, cut at the limit; neither prompt nor special tokens are added.
  TokenizeResult append(std::span<const TokenId> ready, std::vector<TokenId>& out) const;
  /// Appends the ids of a record of kind text or token_ids.
  TokenizeResult append(const DocumentBlock& block, const Record& record,
                        std::vector<TokenId>& out);

 private:
  const TokenSettings& settings_;
  std::unique_ptr<Tokenizer::Scratch> scratch_;
  std::string prompted_;  ///< begins with the prompt
};

}  // namespace embedtool
