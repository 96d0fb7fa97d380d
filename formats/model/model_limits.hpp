#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/model/spec.hpp"
#include "formats/io/file_set.hpp"
#include "formats/model/sourced.hpp"

namespace embedtool {

/// How many tokens of a text a model accepts, special tokens included; 0 = no limit.
using TokenLimit = Sourced<std::size_t>;

/// What sentence-transformers stores with a Transformer module (`sentence_bert_config.json` or one
/// of its six older names).
struct TransformerSettings {
  std::string source;          ///< the file, "" when there is none
  std::size_t max_tokens = 0;  ///< 0 = not given
  bool lower_case = false;     ///< texts are lower-cased before the tokenizer sees them
};

/// Reads it from the encoder's folder; unknown keys go to `notes`. Throws Error(ExitCode::model),
/// also when a setting that is not honoured would change vectors.
TransformerSettings read_transformer_settings(const FileSet& encoder_files,
                                              std::vector<std::string>& notes);

/// The limit of a transformer: the one in its settings, else `model_max_length` of
/// tokenizer_config.json if that is a real limit (transformers writes 10^30 for "none"), but never
/// more than the position table holds. Adds ignored settings to `notes`.
TokenLimit transformer_limit(const FileSet& encoder_files, const TransformerSettings& settings,
                             const ModelSpec& spec, std::vector<std::string>& notes);

}  // namespace embedtool
