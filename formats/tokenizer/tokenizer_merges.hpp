#pragma once

#include <string>
#include <string_view>

#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

/// What is said beside a vocab.json and a merges.txt.
struct MergesOptions {
  bool add_prefix_space = false;
  /// The tokenizer's class, or the model's type where that is not said; may be empty.
  std::string family;
};

/// The byte-level BPE of GPT-2 and RoBERTa from a vocab.json (token to id) and a merges.txt (a pair
/// a line). Where the vocabulary has <s> and </s>, they go around every text, as RoBERTa's do.
/// Throws Error(model), headed by `where` (the folder), for what is malformed, and for families
/// whose texts are cut by another expression, which these two files do not tell.
TokenizerSpec merges_spec(std::string_view vocab_json, std::string_view merges,
                          const std::string& where, const MergesOptions& options);

}  // namespace embedtool
