#pragma once

#include <string>
#include <string_view>

#include "core/text/models/sentencepiece_proto.hpp"
#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

/// Fills in what the tokenizer of a model family adds to its sentencepiece model: how pieces become
/// ids, special tokens, what is done to the text before. `family` is a tokenizer class
/// ("XLMRobertaTokenizer", a final "Fast" does not matter) or a model type ("xlm-roberta"). Returns
/// false, and fills in nothing, where it is not known.
/// Throws Error(model), headed by `where`, when the model lacks a piece that the family needs.
bool apply_tokenizer_family(std::string_view family, const SentencePieceFacts& model,
                            const std::string& where, TokenizerSpec& spec);

}  // namespace embedtool
