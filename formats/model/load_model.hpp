#pragma once

#include <memory>
#include <string>

#include "formats/io/file_set.hpp"
#include "formats/model/loaded_model.hpp"

namespace embedtool {

/// Loads a model: a folder in Hugging Face or sentence-transformers layout, a model2vec folder, a
/// .gguf file (or a folder with nothing but a model.gguf), or a model inside the program
/// (`builtin`, `builtin-fast`; a folder of that name is used if it is written with a slash). Maps
/// the weights without reading them all, except once for the fingerprint. Throws
/// Error(ExitCode::model) naming the file and the remedy.
LoadedModel load_model(const std::string& path_or_name);

/// The same from any set of files. `name` is for people; if `gguf_name` is not empty, that file
/// alone is the model.
LoadedModel load_model(std::unique_ptr<FileSet> files, const std::string& name,
                       const std::string& gguf_name = "");

}  // namespace embedtool
