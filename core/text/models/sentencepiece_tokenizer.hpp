#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

/// A tokenizer around a model that the sentencepiece library reads (unigram or BPE). Throws
/// Error(model), prefixed with `where`, if it cannot be read. A text without a space is passed
/// whole, up to a mebibyte per call: longer ones are cut there, to bound memory.
std::unique_ptr<Tokenizer> make_sentencepiece(const TokenizerSpec& spec, const std::string& where);

/// Appends `text` as the model's tokenizer prepares it before sentencepiece sees it.
void apply_rules(const SentencePieceRules& rules, std::string_view text, std::string& out);

}  // namespace embedtool
