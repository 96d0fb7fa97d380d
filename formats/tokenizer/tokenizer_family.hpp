#pragma once

#include <string>
#include <string_view>

#include "core/text/models/sentencepiece_proto.hpp"
#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

/// Fills in what the tokenizer of a model family adds to its sentencepiece model: how pieces become
/// ids, special tokens, what is applied to the text first. `family` is a tokenizer class
/// ("XLMRobertaTokenizer", a final "Fast" does not matter) or a model type ("xlm-roberta"). Returns
/// false and fills in nothing if the family is unknown. Throws Error(model), prefixed with `where`,
/// if the model lacks a piece that the family needs.
bool apply_tokenizer_family(std::string_view family, const SentencePieceFacts& model,
                            const std::string& where, TokenizerSpec& spec);

}  // namespace embedtool
