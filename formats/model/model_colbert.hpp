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
  std::size_t query_length = 32;      ///< tokens, marker and special tokens included
  std::size_t document_length = 180;  ///< likewise
  bool expands_queries = true;        ///< with `expansion`, up to query_length
  bool sees_expansion = false;        ///< other tokens attend to it
  TokenId expansion = 0;
  std::vector<TokenId> skipped;  ///< of documents
  std::string source;            ///< which file said so
  std::vector<std::string> notes;
};

/// Whether config.json is that of Stanford's ColBERT checkpoints, whose projection is a tensor
/// `linear.weight` among the encoder's.
bool is_stanford_colbert(const JsonConfig& config);

/// Reads the settings of a ColBERT checkpoint (`artifact.metadata`) or of a PyLate folder
/// (config_sentence_transformers.json). `tokenizer` numbers the markers and the punctuation.
/// Throws Error(ExitCode::model) where a marker is no token.
ColbertSettings read_colbert(const FileSet& files, bool stanford, const Tokenizer& tokenizer);

/// `inner` plus what is added to a query or a document: a marker, and a query's expansion up to
/// TokenizeOptions::max_tokens.
std::unique_ptr<Tokenizer> make_colbert_tokenizer(std::unique_ptr<Tokenizer> inner,
                                                  const ColbertSettings& settings, bool query);

}  // namespace embedtool
