#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/io/file_set.hpp"

namespace embedtool {

/// The prompts, first choice first, that sentence-transformers' encode_document() looks for.
inline constexpr std::array kDocumentPrompts{"document", "passage", "corpus"};

/// What config_sentence_transformers.json says of a model as a whole.
struct PromptSettings {
  std::map<std::string, std::string> prompts;  ///< by name; without those that are null
  std::optional<std::string> default_name;
  std::string similarity;  ///< "cosine", "dot", …; "" when not said
  std::string kind;        ///< "SentenceTransformer", "MultiVectorEncoder", …; "" when not said
};

/// Reads it from the model's folder; empty without such a file. Keys that nobody knows go to
/// `notes`. Throws Error(ExitCode::model) when prompts are not texts or the default is not among
/// them, and when another setting would change vectors.
PromptSettings read_prompts(const FileSet& files, std::vector<std::string>& notes);

}  // namespace embedtool
