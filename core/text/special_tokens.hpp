#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "core/text/tokenizer.hpp"
#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

/// The room for a text's own ids between its special tokens. Writes the leading special tokens,
/// reports when there are enough ids, and appends the trailing special tokens.
class IdBudget {
 public:
  IdBudget(const SpecialTemplate& special, const TokenizeOptions& options,
           std::vector<TokenId>& out)
      : special_(options.add_special_tokens ? &special : nullptr), begin_(out.size()) {
    std::size_t reserved = 0;
    if (special_ != nullptr) {
      reserved = special.prefix.size() + special.suffix.size();
      out.insert(out.end(), special.prefix.begin(), special.prefix.end());
    }
    text_begin_ = out.size();
    // Special tokens are kept even if they alone exceed the limit.
    if (options.max_tokens > 0) {
      limit_ = options.max_tokens > reserved ? options.max_tokens - reserved : 0;
    }
  }

  /// Ids that the text itself may have.
  std::size_t limit() const { return limit_; }
  /// Ids that the text has so far.
  std::size_t used(const std::vector<TokenId>& out) const { return out.size() - text_begin_; }
  /// Whether more ids than the limit are there: what follows cannot change the result.
  bool spent(const std::vector<TokenId>& out) const { return used(out) > limit_; }

  TokenizeResult finish(std::vector<TokenId>& out) const {
    const bool truncated = spent(out);
    if (truncated) out.resize(text_begin_ + limit_);
    if (special_ != nullptr) {
      out.insert(out.end(), special_->suffix.begin(), special_->suffix.end());
    }
    return {static_cast<std::uint32_t>(out.size() - begin_), truncated};
  }

 private:
  const SpecialTemplate* special_;
  std::size_t begin_;
  std::size_t text_begin_ = 0;
  std::size_t limit_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace embedtool
