#pragma once

#include <cstddef>
#include <memory>

#include "core/text/tokenizer.hpp"
#include "formats/io/file_set.hpp"
#include "formats/model/model_prompts.hpp"

namespace embedtool {

/// The tokenizer of a model folder with what goes with it, read without weights and whatever the
/// architecture.
struct FolderTokenizer {
  std::unique_ptr<Tokenizer> tokenizer;
  std::size_t limit = 0;  ///< the longest text that the model's files allow, in tokens; 0 = any
  PromptSettings prompts;
};

/// Reads it as loading the model would: from the folder that modules.json names, and without
/// special tokens for static models. Throws Error(ExitCode::model) when the folder has no usable
/// tokenizer.
FolderTokenizer open_folder_tokenizer(const FileSet& files);

}  // namespace embedtool
