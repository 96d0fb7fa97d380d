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

/// What a model asks of its tokenizer beyond the tokenizer's own files.
struct TokenizerWishes {
  TokenizerHints hints;
  /// Texts are lower-cased first (`do_lower_case` of sentence_bert_config.json).
  bool lower_case = false;
  /// Stands in for a text without tokens (`empty_text_token_id` of a static model).
  std::optional<TokenId> empty_text_token;
};

/// A model's tokenizer and what is to be said about it.
struct ModelTokenizer {
  std::unique_ptr<Tokenizer> tokenizer;
  std::string note;  ///< "" when all is well
};

/// The tokenizer of the folder `files`, or null where it holds no tokenizer files at all. Files
/// that cannot be used give a tokenizer whose encode() throws that Error(ExitCode::model): records
/// with ready ids need none, and the first text says why it cannot be read. Lower-casing goes
/// through the whole text, also where little of it is kept.
ModelTokenizer open_model_tokenizer(const FileSet& files, const TokenizerWishes& wishes);

/// The same of what a GGUF file says.
ModelTokenizer open_gguf_tokenizer(const GgufFile& file);

}  // namespace embedtool
