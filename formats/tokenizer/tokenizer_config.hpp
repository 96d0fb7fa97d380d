#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

/// The tokenizer class that a folder names in tokenizer_config.json, else in config.json, without
/// "Fast"; "" if neither does.
std::string tokenizer_class_of(const nlohmann::json& tokenizer_config,
                               const nlohmann::json& config);

/// Refuses a vocab.txt whose class is not one of BERT's: others split words in their own way
/// (MeCab, BPE). Throws Error(ExitCode::model) naming `where`, the class and the remedy.
void check_wordpiece_class(const std::string& tokenizer_class, const std::string& where);

/// Changes what tokenizer.json says as transformers does when it reads a tokenizer_config.json
/// beside it: BERT's classes set their normalizer anew; `add_bos_token` and `add_eos_token` add a
/// token where the file adds none; `added_tokens_decoder` adds tokens that the file does not list.
/// `bert_class`: the class or the model type is one of BERT's.
void apply_tokenizer_config(const nlohmann::json& config, bool bert_class, const std::string& where,
                            TokenizerSpec& spec);

/// Whether transformers' tokenizer of this class, or of this model type if no class is named, is
/// BERT's.
bool is_bert_tokenizer(const std::string& tokenizer_class, const std::string& model_type);

}  // namespace embedtool
