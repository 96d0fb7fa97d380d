#pragma once

#include <optional>

#include "core/model/spec.hpp"
#include "core/ports.hpp"
#include "formats/io/json_document.hpp"

namespace embedtool {

/// The head of a checkpoint for masked language (`BertForMaskedLM` and its like: architectures of
/// config.json), which SPLADE weighs the vocabulary with; nothing where config.json names none or
/// the weights hold none that is known. Its pooling is SPLADE's of today, the largest weight.
std::optional<SparseSpec> find_masked_language_head(const WeightSource& weights,
                                                    const ModelSpec& spec,
                                                    const JsonConfig& config);

/// What a SpladePooling module's config.json asks for. Throws Error(ExitCode::model) naming an
/// unknown strategy or activation.
void read_splade_pooling(const JsonConfig& config, SparseSpec& sparse);

}  // namespace embedtool
