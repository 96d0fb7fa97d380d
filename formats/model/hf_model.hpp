#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/head_kind.hpp"
#include "core/model/spec.hpp"
#include "core/ports.hpp"
#include "core/text/tokenizer.hpp"
#include "formats/io/file_set.hpp"
#include "formats/model/model_colbert.hpp"
#include "formats/model/model_files.hpp"
#include "formats/model/model_head.hpp"

namespace embedtool {

/// Everything that a model folder says, understood and checked. Owns the mapped files; `weights`,
/// `head` and `tokenizer` point into them, also after a move.
struct LoadedModel {
  std::unique_ptr<RecordingFileSet> files;  ///< first, hence destroyed last

  std::string name;   ///< "all-MiniLM-L6-v2", "builtin"
  std::string where;  ///< the folder, for messages
  /// XXH3-128 of all files that the model was made of, hexadecimal; empty after open_model().
  std::string fingerprint;
  ModelSpec spec;
  HeadSpec head;
  std::unique_ptr<WeightSource> weights;
  /// Of head.dense, in order, and of the other heads.
  std::vector<std::unique_ptr<WeightSource>> dense_weights;
  HeadKind head_kind = HeadKind::dense;  ///< which of the heads `head` is
  std::vector<HeadChoice> more_heads;    ///< that choose_head() can put in its place
  /// Null when the folder has no tokenizer files: such a model takes ready token ids only. Where
  /// it has some that cannot be used, encode() throws the reason (and `notes` has it).
  std::unique_ptr<Tokenizer> tokenizer;

  std::size_t max_tokens = 0;  ///< special tokens included; 0 = no limit
  std::string max_tokens_reason;
  std::string pooling_source;
  std::string normalize_source;
  /// False: token vectors of a prompt are left out of the pooling (INSTRUCTOR models).
  bool pools_prompt = true;
  /// A late-interaction model: what queries and documents have added. Until choose_role(), its
  /// tokenizer is the bare one.
  std::optional<ColbertSettings> colbert;
  std::map<std::string, std::string> prompts;
  std::optional<std::string> default_prompt_name;
  std::string similarity;          ///< "cosine", "dot", …; "" when not said
  std::vector<std::string> notes;  ///< what was ignored or assumed: a sentence each
  std::string_view card;           ///< README.md, "" when there is none
};

/// Loads a model: a folder in Hugging Face or sentence-transformers layout, a model2vec folder, a
/// .gguf file (or a folder with nothing but a model.gguf), or a model inside the program
/// (`builtin`, `builtin-fast`; a folder of that name goes first when it is written with a slash).
/// Maps the weights and reads their headers, and nothing else of them: what a model is costs the
/// same whatever its size. Throws Error(ExitCode::model) naming the file and the remedy.
LoadedModel open_model(const std::string& path_or_name);

/// Sets the fingerprint. Where the files look as they did when `known` was taken, it is known;
/// else every byte of them is read.
void fingerprint_model(LoadedModel& model, std::span<const StampedFile> files_then = {},
                       const std::string& known = "");

/// Both.
LoadedModel load_model(const std::string& path_or_name);

/// The same from files that are anywhere. `name` is for people; where `gguf_name` is not empty,
/// that file alone is the model.
LoadedModel load_model(std::unique_ptr<FileSet> files, const std::string& name,
                       const std::string& gguf_name = "");

/// Makes the model use another of its heads. Throws Error(usage), listing them, when it has none of
/// that kind.
void choose_head(LoadedModel& model, HeadKind kind);

/// Makes a late-interaction model encode queries, or documents; others stay as they are. Call once.
void choose_role(LoadedModel& model, bool query);

}  // namespace embedtool
