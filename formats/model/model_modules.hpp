#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/io/file_set.hpp"

namespace embedtool {

/// The modules of a sentence-transformers folder in the order of the data flow: encoder → pooling →
/// dense layers → normalization, or encoder → SPLADE pooling. Folders are "" or end in '/'.
struct ModuleChain {
  bool listed = false;  ///< there was a modules.json
  bool is_static = false;
  /// The encoder is the class that Jina embeddings v3 brings along, which does what Transformer
  /// does, and chooses an adapter.
  bool has_tasks = false;
  std::string encoder_folder;                 ///< config, weights, tokenizer
  std::optional<std::string> pooling_folder;  ///< nothing: no Pooling module
  std::optional<std::string> splade_folder;   ///< token weights instead of a vector
  std::vector<std::string> dense_folders;
  std::vector<std::string> normalize_folders;
  std::optional<std::string> mask_folder;  ///< which token vectors count (MultiVectorMask)
  bool multi_vector = false;  ///< no Pooling: one vector per token, through the dense layers
  bool normalize = false;
  /// Of a Router: an encoder of its own for queries (SparseStaticEmbedding); the rest is
  /// documents'.
  std::optional<std::string> query_folder;
  std::vector<std::string> notes;  ///< what was ignored
};

/// Reads modules.json; without one, an unlisted chain with everything at the top. Types are matched
/// by their package (sentence_transformers, or PyLate's) and their last component, so that old
/// class paths (`sentence_transformers.models.Pooling`) and new ones count alike. Throws
/// Error(ExitCode::model) naming a module that is not supported, or not supported at its place.
ModuleChain read_modules(const FileSet& files);

}  // namespace embedtool
