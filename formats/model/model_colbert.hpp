#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/data.hpp"
#include "core/text/tokenizer.hpp"
#include "formats/io/file_set.hpp"
#include "formats/io/json_document.hpp"

namespace embedtool {

/// What a late-interaction model does with queries and documents (Khattab and Zaharia 2020;
/// PyLate's ColBERT). Both get a marker after the first token. Documents lose the vectors of some
/// tokens; queries are padded with mask tokens.
struct ColbertSettings {
  std::optional<TokenId> query_marker;
  std::optional<TokenId> document_marker;
  std::size_t query_length = 32;      ///< tokens, marker and special tokens included; 0 = as many
                                      ///< as the model takes
  std::size_t document_length = 180;  ///< likewise
  bool expands_queries = true;        ///< with `expansion`, up to expansion_length
  std::size_t expansion_length = 32;  ///< at most query_length
  bool sees_expansion = false;        ///< other tokens attend to it
  TokenId expansion = 0;
  std::vector<TokenId> skipped;  ///< tokens whose vectors are left out
  bool skips_in_documents = true;
  bool skips_in_queries = false;
  /// The prompts "query" and "document" are put before the texts, instead of markers.
  bool uses_prompts = false;
  std::string source;  ///< which file said so
  std::vector<std::string> notes;
};

/// Whether config.json is that of Stanford's ColBERT checkpoints, whose projection is a tensor
/// `linear.weight` among the encoder's.
bool is_stanford_colbert(const JsonConfig& config);

/// Reads the settings of a ColBERT checkpoint (`artifact.metadata`) or of a PyLate folder
/// (config_sentence_transformers.json). `tokenizer` numbers the markers and the punctuation.
/// Throws Error(ExitCode::model) where a marker is no token.
ColbertSettings read_colbert(const FileSet& files, bool stanford, const Tokenizer& tokenizer);

/// Reads the settings of a folder that sentence-transformers' MultiVectorEncoder has saved (version
/// 6): lengths and expansion in sentence_bert_config.json of `encoder_files`, and which vectors are
/// left out in the MultiVectorMask module in `mask_folder` of `files` ("" = there is none). Unknown
/// keys go to `notes`. Throws Error(ExitCode::model).
ColbertSettings read_multi_vector(const FileSet& encoder_files, const FileSet& files,
                                  const std::string& mask_folder, const Tokenizer& tokenizer,
                                  std::vector<std::string>& notes);

/// `inner` plus what is added to a query or a document: a marker, and a query's expansion.
std::unique_ptr<Tokenizer> make_colbert_tokenizer(std::unique_ptr<Tokenizer> inner,
                                                  const ColbertSettings& settings, bool query);

}  // namespace embedtool
