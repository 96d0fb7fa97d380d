#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/data.hpp"

namespace embedtool {

/// How one text is tokenized.
struct TokenizeOptions {
  std::size_t max_tokens = 0;  ///< special tokens included; 0 = no limit
  bool add_special_tokens = true;
};

struct TokenizeResult {
  std::uint32_t n_tokens = 0;  ///< ids appended
  bool truncated = false;      ///< the text had more tokens than max_tokens allowed
};

/// Turns text into token ids exactly as the model's reference tokenizer does. Immutable, hence
/// thread-safe; mutable state is in a Scratch, one per thread.
class Tokenizer {
 public:
  class Scratch {
   public:
    virtual ~Scratch() = default;
  };

  virtual ~Tokenizer() = default;
  virtual std::unique_ptr<Scratch> make_scratch() const = 0;

  /// Appends the ids of `text` (valid UTF-8) to `out`. Work is proportional to the part of the
  /// text that is kept, not to the text. Truncation cuts at the end and keeps special tokens.
  virtual TokenizeResult encode(std::string_view text, const TokenizeOptions& options,
                                Scratch& scratch, std::vector<TokenId>& out) const = 0;

  virtual std::size_t vocab_size() const = 0;
  /// The piece of an id as its vocabulary spells it; empty when out of range.
  virtual std::string token(TokenId id) const = 0;
  /// "WordPiece", "sentencepiece unigram", …, for reports.
  virtual std::string_view kind() const = 0;
};

}  // namespace embedtool
