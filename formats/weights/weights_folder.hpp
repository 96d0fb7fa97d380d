#pragma once

#include <memory>
#include <string>

#include "core/ports.hpp"
#include "formats/io/file_set.hpp"

namespace embedtool {

/// The weights of a model folder: `model.safetensors` or the shards that its `.index.json` lists,
/// else `pytorch_model.bin` likewise, in `folder` of `files` ("" = the top; else ending in '/').
/// `files` must outlive the result. Throws Error(ExitCode::model) if there are none, with advice if
/// the folder has weights in another format.
std::unique_ptr<WeightSource> open_weights(const FileSet& files, const std::string& folder);

/// An adapter's tensors, `adapter_model.safetensors` or else `adapter_model.bin`, likewise.
std::unique_ptr<WeightSource> open_adapter_weights(const FileSet& files, const std::string& folder);

}  // namespace embedtool
