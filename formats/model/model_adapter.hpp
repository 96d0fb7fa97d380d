#pragma once

#include <string>
#include <vector>

#include "core/model/spec.hpp"
#include "formats/io/json_document.hpp"
#include "formats/weights/lora_weights.hpp"

namespace embedtool {

/// What adapter_config.json of PEFT says.
struct AdapterSettings {
  std::string base;      ///< the model that the adapter changes: a folder or ORG/NAME
  std::string revision;  ///< of ORG/NAME; "" = the newest
  LoraScaling scaling;
};

/// Throws Error(ExitCode::model) naming the setting where the adapter is not a LoRA that can be
/// merged. Adds keys that nobody knows to `notes`.
AdapterSettings read_adapter(const JsonConfig& file, std::vector<std::string>& notes);

/// Says in `notes` what was merged. Throws Error(ExitCode::model) if the adapter changes a tensor
/// that an encoder with one of `heads` reads, but not as the weight of a linear layer.
void settle_adapter(const LoraWeights& weights, const ModelSpec& spec,
                    const std::vector<const HeadSpec*>& heads, const std::string& base,
                    std::vector<std::string>& notes);

}  // namespace embedtool
