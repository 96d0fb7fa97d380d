#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/data.hpp"
#include "core/text/tokenizer.hpp"
#include "formats/io/file_set.hpp"
#include "formats/tokenizer/tokenizer_files.hpp"
#include "formats/weights/gguf.hpp"

namespace embedtool {

/// What a model requires of its tokenizer in addition to the tokenizer's own files.
struct TokenizerWishes {
  TokenizerHints hints;
  /// Texts are lower-cased first (`do_lower_case` of sentence_bert_config.json).
  bool lower_case = false;
  /// Used for a text without tokens (`empty_text_token_id` of a static model).
  std::optional<TokenId> empty_text_token;
};

/// A model's tokenizer, and a note about it.
struct ModelTokenizer {
  std::unique_ptr<Tokenizer> tokenizer;
  std::string note;  ///< "" when all is well
};

/// The tokenizer of the folder `files`, or null if it has no tokenizer files at all. Unusable files
/// give a tokenizer whose encode() throws the Error(ExitCode::model): records with token ids do not
/// need it, and the first text reports the reason. Lower-casing processes the whole text even if
/// little of it is kept.
ModelTokenizer open_model_tokenizer(const FileSet& files, const TokenizerWishes& wishes);

/// The same from a GGUF file.
ModelTokenizer open_gguf_tokenizer(const GgufFile& file);

/// The same tokenizer for texts in lower case (`do_lower_case` of sentence-transformers).
std::unique_ptr<Tokenizer> lower_casing(std::unique_ptr<Tokenizer> tokenizer);

}  // namespace embedtool
