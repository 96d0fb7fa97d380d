#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

/// Settings from the tokenizer_config.json of a vocab.txt. Empty names are searched for.
struct VocabTxtOptions {
  std::optional<bool> lowercase;      ///< do_lower_case
  std::optional<bool> strip_accents;  ///< follows lowercase if not given
  bool handle_chinese_chars = true;   ///< tokenize_chinese_chars
  std::string cls, sep, unk, pad, mask;
};

/// BERT's tokenizer over a vocab.txt, one token per line. If no setting says whether it
/// lower-cases, the vocabulary decides: one with capitals or mostly ideographs keeps case, others
/// do not. Throws Error(model), prefixed with `where`, if a special token is not in it.
TokenizerSpec vocab_txt_spec(std::string_view text, const std::string& where,
                             const VocabTxtOptions& options);

}  // namespace embedtool
