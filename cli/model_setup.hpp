#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/console.hpp"
#include "core/math/gemm.hpp"
#include "core/model/encoder.hpp"
#include "core/model/head_kind.hpp"
#include "core/model/pooling.hpp"
#include "core/model/row_shape.hpp"
#include "core/text/token_feed.hpp"
#include "formats/model/load_model.hpp"
#include "formats/model/model_prompts.hpp"
#include "formats/output/run_identity.hpp"

namespace embedtool {

/// Which model, and what of it; what is not said is the model's own.
struct ModelChoice {
  std::string model = "builtin";  ///< a folder, a file or a name, as find_model() takes them
  std::optional<HeadKind> head;
  std::vector<Pooling> pooling;  ///< several are concatenated; none = the model's
  bool normalize = true;         ///< false: vectors stay as they come
  std::optional<std::string> prompt;
  std::string prompt_name;
  /// Prompts of which the first that the model has is used if none is named. A late-interaction
  /// model takes the first as the role of the texts. Without any, the model's default prompt is
  /// used.
  std::vector<std::string> usual_prompts{kDocumentPrompts.begin(), kDocumentPrompts.end()};
  /// Of a search: the role of the texts that were encoded. Unless prompt_name names another, a
  /// model with adapters for tasks takes the one that goes with it.
  std::string searched_role;
  std::size_t dims = 0;  ///< 0 = all
  std::optional<std::size_t> max_length;
};

/// A precision, or none: the faster of f32 and bf16 on this CPU.
using ComputeWish = std::optional<Compute>;
/// Its words, in the order of the help: those of Compute, and auto.
std::vector<std::string> compute_wishes();
/// The wish that `word`, one of these, stands for.
ComputeWish parse_compute_wish(std::string_view word);

/// What computes; "auto" or a name.
struct ComputeChoice {
  ComputeWish compute = Compute::f32;
  std::string gemm = "auto";
  std::string isa = "auto";
};

/// A model as it will be used, all of it but its weights.
struct ChosenModel {
  LoadedModel loaded;  ///< head as the choice changed it
  const GemmBackend* backend = nullptr;
  Compute compute = Compute::f32;
  RowShape shape;
  std::string prompt;  ///< put before every text; may be empty
  /// "query" or "document" of models that encode them differently; of those with adapters for tasks
  /// the task, "" = none; of others "".
  std::string role;
  std::size_t max_tokens = 0;  ///< per text, special tokens included; 0 = no limit
};

/// A model ready to encode.
struct ReadyModel : ChosenModel {
  std::unique_ptr<Encoder> encoder;  ///< points into `loaded`
};

/// Opens the model and prepares it for a backend, without reading weights or taking its
/// fingerprint. Throws Error(usage) on a choice that does not fit the model and Error(model) on a
/// model that cannot be used.
ChosenModel choose_model(const ModelChoice& choice, const ComputeChoice& compute, Console& console);
/// Takes the model's fingerprint: from an earlier run, if there is one and the model's files are
/// unchanged since; else every byte of them is read.
void take_fingerprint(ChosenModel& model, const RunIdentity* before);
/// Reads and packs the weights. Throws Error(model).
ReadyModel load_weights(ChosenModel&& model);

/// Fills in what an output records of a model. Its fingerprint must have been taken.
void describe_in(RunIdentity& identity, const ChosenModel& model, const ModelChoice& choice);

/// How the model's texts become token ids; borrows the model's tokenizer.
TokenSettings token_settings(const ChosenModel& model);

/// Names of all tokens that a sparse head can weigh, by id, each another one: the tokenizer's, and
/// "<id 7>" where it has none of its own.
std::shared_ptr<const std::vector<std::string>> token_names(const ChosenModel& model);

/// What finds a model again from another folder, given what --model said: an absolute path, its
/// name and commit in a hub's cache, or a name inside the program.
std::string lasting_model_path(const LoadedModel& loaded, const std::string& model);

}  // namespace embedtool
