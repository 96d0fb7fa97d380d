#pragma once

#include <memory>
#include <string>

#include "core/text/tokenizer.hpp"
#include "core/text/tokenizer_spec.hpp"
#include "formats/io/file_set.hpp"

namespace embedtool {

/// What the tokenizer's own files may leave open.
struct TokenizerHints {
  /// config.json's `model_type`: "bert", "xlm-roberta", "t5", …; "model2vec" and "static" add no
  /// special tokens. If it is empty, config.json is consulted. Only sentencepiece models need it,
  /// and only if their tokenizer_config.json does not name a `tokenizer_class`.
  std::string model_type;
  bool drop_unknown = false;  ///< leave the unknown token out of the ids, as model2vec does
};

/// The tokenizer of a model, from the first of these that exists: tokenizer.json; a sentencepiece
/// model (sentencepiece.bpe.model, spiece.model, …); vocab.json with merges.txt; vocab.txt. Limits
/// on length and padding in these files are ignored: the caller decides how long a text may be.
/// Throws Error(model) naming the file and the part that is not supported. Copies what it needs:
/// `files` may be destroyed.
std::unique_ptr<Tokenizer> load_tokenizer(const FileSet& files, const TokenizerHints& hints);

/// The same from a path: a model folder, or one file of it (*.json, *.txt, *.model), which is then
/// read together with the configuration files in its folder.
std::unique_ptr<Tokenizer> load_tokenizer_from_path(const std::string& path);

/// Reads the text of a tokenizer.json. `where` names it in messages. Throws Error(model) for
/// malformed text and for unknown components.
TokenizerSpec parse_tokenizer_json(std::string_view text, const std::string& where);

}  // namespace embedtool
