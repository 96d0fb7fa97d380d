#pragma once

#include <optional>

#include "core/data.hpp"
#include "core/model/spec.hpp"
#include "core/ports.hpp"
#include "formats/io/json_document.hpp"
#include "formats/model/model_limits.hpp"

namespace embedtool {

/// A static model: a table of token vectors that are averaged.
struct StaticModel {
  ModelSpec spec;
  TokenLimit limit;
  std::optional<bool> normalize;            ///< what config.json says
  std::optional<TokenId> empty_text_token;  ///< row used for a text without tokens
};

/// True if `config` is that of a model2vec folder.
bool is_model2vec(const JsonConfig& config);

/// Reads the shape of a static model from its tensors: model2vec's `embeddings` (f32, f16 or int8)
/// with optional `weights` (one per token) and `mapping` (token → row), or sentence-transformers'
/// `embedding.weight`. `config` is null if the folder has none. Checks that the tensors fit each
/// other and that every row in `mapping` exists; throws Error(ExitCode::model).
StaticModel read_static_model(const WeightSource& weights, const JsonConfig* config);

}  // namespace embedtool
