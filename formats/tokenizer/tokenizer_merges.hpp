#pragma once

#include <string>
#include <string_view>

#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

/// Settings that accompany a vocab.json and a merges.txt.
struct MergesOptions {
  bool add_prefix_space = false;
  /// The tokenizer's class, or the model's type if that is not given; may be empty.
  std::string family;
};

/// The byte-level BPE of GPT-2 and RoBERTa from a vocab.json (token to id) and a merges.txt (one
/// pair per line). If the vocabulary has <s> and </s>, they enclose every text, as in RoBERTa.
/// Throws Error(model), prefixed with `where` (the folder), for malformed files, and for families
/// that split texts by another expression, which these two files do not contain.
TokenizerSpec merges_spec(std::string_view vocab_json, std::string_view merges,
                          const std::string& where, const MergesOptions& options);

}  // namespace embedtool
