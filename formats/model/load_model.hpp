#pragma once

#include <memory>
#include <span>
#include <string>

#include "formats/io/file_set.hpp"
#include "formats/io/file_stamp.hpp"
#include "formats/model/loaded_model.hpp"

namespace embedtool {

/// Loads a model in Hugging Face or sentence-transformers layout, a model2vec model or a GGUF file
/// from where find_model() finds it. Maps the weights and reads their headers, and nothing else of
/// them: what a model is costs the same whatever its size. Throws Error(ExitCode::model) naming the
/// file and the remedy.
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

}  // namespace embedtool
