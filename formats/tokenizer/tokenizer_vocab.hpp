#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

/// What a tokenizer_config.json says beside a vocab.txt. Names left empty are looked for.
struct VocabTxtOptions {
  std::optional<bool> lowercase;      ///< do_lower_case
  std::optional<bool> strip_accents;  ///< follows lowercase when not said
  bool handle_chinese_chars = true;   ///< tokenize_chinese_chars
  std::string cls, sep, unk, pad, mask;
};

/// BERT's tokenizer over a vocab.txt, one token a line. Where nothing says whether it lower-cases,
/// the vocabulary is judged: one with capitals or mostly ideographs keeps case, others do not.
/// Throws Error(model), headed by `where`, when a special token is not in it.
TokenizerSpec vocab_txt_spec(std::string_view text, const std::string& where,
                             const VocabTxtOptions& options);

}  // namespace embedtool
