#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/model/spec.hpp"
#include "core/ports.hpp"
#include "formats/io/json_document.hpp"

namespace embedtool {

/// The head of a checkpoint for masked language (`BertForMaskedLM` and its like: architectures of
/// config.json), which SPLADE uses to weight the vocabulary; nothing if config.json names none or
/// the weights contain no known one. Its pooling is that of current SPLADE models, the largest
/// weight.
std::optional<SparseSpec> find_masked_language_head(const WeightSource& weights,
                                                    const ModelSpec& spec,
                                                    const JsonConfig& config);

/// What a SpladePooling module's config.json asks for. Throws Error(ExitCode::model) naming an
/// unknown strategy or activation; unknown keys go to `notes`.
void read_splade_pooling(const JsonConfig& file, SparseSpec& sparse,
                         std::vector<std::string>& notes);

}  // namespace embedtool
