#pragma once

#include <memory>
#include <string>

#include "formats/io/file_set.hpp"

namespace embedtool {

/// What a folder calls the GGUF file that stands for the whole model.
inline constexpr const char* kGgufName = "model.gguf";

/// Where a model's files are.
struct ModelPlace {
  std::unique_ptr<FileSet> files;
  std::string name;       ///< for people: "all-MiniLM-L6-v2", "ORG/NAME", "builtin"
  std::string gguf_name;  ///< that file of `files` alone is the model; "" = all of them are
  std::string hub_name;   ///< as in LoadedModel
};

/// Finds what `-m` names. The first that exists is taken: a model inside the program (`builtin`,
/// `builtin-fast`; a folder of that name needs a slash), a folder, a folder models--ORG--NAME of a
/// hub's cache, a .gguf file, and for ORG/NAME or ORG/NAME@REV the model in the hub's cache. Opens
/// no network connection. Throws Error(model) naming the remedy.
ModelPlace find_model(const std::string& path_or_name);

}  // namespace embedtool
