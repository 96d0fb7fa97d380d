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
#include "formats/model/model_limits.hpp"
#include "formats/model/model_router.hpp"
#include "formats/weights/task_weights.hpp"

namespace embedtool {

/// What a model with adapters for tasks can be made to do.
struct ModelTasks {
  std::vector<std::string> names;
  TaskWeights* weights = nullptr;  ///< the model's
};

/// Everything that a model's files say, understood and checked. Owns the mapped files; `weights`,
/// `head` and `tokenizer` point into them, also after a move.
struct LoadedModel {
  std::unique_ptr<RecordingFileSet> files;  ///< first, hence destroyed last
  /// The model that an adapter changes, whose files are among `files`; null without one.
  std::unique_ptr<SubfolderFileSet> base_files;

  std::string name;   ///< "all-MiniLM-L6-v2", "builtin"
  std::string where;  ///< the folder, for messages
  /// "ORG/NAME@COMMIT" if it was named so and came from the hub's cache: opens the same files again
  /// wherever a cache is. Else "".
  std::string hub_name;
  /// XXH3-128 of all files that the model was read from, hexadecimal; empty after open_model().
  std::string fingerprint;
  ModelSpec spec;
  HeadSpec head;
  std::unique_ptr<WeightSource> weights;
  /// Of head.dense, in order, and of the other heads.
  std::vector<std::unique_ptr<WeightSource>> dense_weights;
  HeadKind head_kind = HeadKind::dense;  ///< which of the heads `head` is
  std::vector<HeadChoice> more_heads;    ///< that choose_head() can switch to
  /// Null if the folder has no tokenizer files: such a model accepts only token ids. If the files
  /// cannot be used, encode() throws the reason (`notes` has it too).
  std::unique_ptr<Tokenizer> tokenizer;

  TokenLimit max_tokens;
  std::string pooling_source;
  std::string normalize_source;
  /// False: token vectors of a prompt are left out of the pooling (INSTRUCTOR models).
  bool pools_prompt = true;
  /// For a late-interaction model: what is added to queries and documents. Until choose_role(), its
  /// tokenizer is the plain one.
  std::optional<ColbertSettings> colbert;
  /// Where queries have an encoder of their own; choose_role() puts it in the model's place.
  std::unique_ptr<QueryEncoder> query_encoder;
  /// Where there is an adapter for each task; none is in force until choose_task().
  std::optional<ModelTasks> tasks;
  bool has_modules = false;  ///< there is a modules.json
  std::string own_code;      ///< the class that `auto_map` of config.json names; "" = none
  std::map<std::string, std::string> prompts;
  std::optional<std::string> default_prompt_name;
  std::string similarity;          ///< "cosine", "dot", …; "" when not said
  std::vector<std::string> notes;  ///< what was ignored or assumed: a sentence each
  std::string_view card;           ///< README.md, "" when there is none
};

/// Makes the model use another of its heads. Throws Error(usage), listing them, when it has none of
/// that kind.
void choose_head(LoadedModel& model, HeadKind kind);

/// Whether queries and documents are encoded differently, prompts aside.
inline bool has_roles(const LoadedModel& model) {
  return model.colbert.has_value() || model.query_encoder != nullptr;
}

/// Puts a task's adapter in force. Throws Error(usage), listing them, when the model has no such
/// task.
void choose_task(LoadedModel& model, const std::string& task);

/// Makes a model with roles encode queries, or documents; others stay as they are. Call once.
void choose_role(LoadedModel& model, bool query);

}  // namespace embedtool
