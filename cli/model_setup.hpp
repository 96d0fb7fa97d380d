#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "cli/console.hpp"
#include "cli/shared_flags.hpp"
#include "core/math/gemm.hpp"
#include "core/model/encoder.hpp"
#include "core/text/token_feed.hpp"
#include "formats/model/load_model.hpp"

namespace embedtool {

/// A model ready to encode, with what the flags changed about it.
struct ReadyModel {
  LoadedModel loaded;  ///< head as changed by --pooling, --dims, --no-normalize
  const GemmBackend* backend = nullptr;
  Compute compute = Compute::f32;
  std::unique_ptr<Encoder> encoder;  ///< points into `loaded`
  std::string prompt;                ///< put before every text; may be empty
  std::string role;                  ///< "query", "document": of late-interaction models only
  std::size_t max_tokens = 0;        ///< per text, special tokens included; 0 = no limit
};

/// Loads the model and prepares it for the backend that the flags ask for. `default_prompt` names
/// the model's prompt that is taken when the flags name none (and the model has it); with an empty
/// one, the model's own default. Throws Error(usage) on flags that do not fit the model and
/// Error(model) on a model that cannot be used.
ReadyModel prepare_model(const ModelFlags& model, const ComputeFlags& compute,
                         const std::string& default_prompt, Console& console);

/// How the model's texts become token ids; borrows the model's tokenizer.
TokenSettings token_settings(const ReadyModel& model);

/// Names of all tokens that a sparse head can weigh, by id, each another one: the tokenizer's, and
/// "<id 7>" where it has none of its own.
std::shared_ptr<const std::vector<std::string>> token_names(const ReadyModel& model);

/// Workers that the flags ask for, else what affinity and cgroup allow.
std::size_t resolve_threads(const ComputeFlags& flags);

}  // namespace embedtool
