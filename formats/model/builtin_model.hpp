#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/io/file_set.hpp"

namespace embedtool {

/// One file of a model inside the program: "builtin-fast", "config.json", its bytes. The bytes
/// live as long as the program.
struct BuiltinFile {
  std::string_view model;
  std::string_view name;
  std::span<const std::byte> bytes;
};

/// All files of formats/model/builtin/*/ that the program reads, as they were when it was built:
/// not bag.py and tokenizer.model. The table is generated (formats/model/builtin/CMakeLists.txt).
std::span<const BuiltinFile> builtin_files();

/// The names of built-in models, whether or not this build contains them, the default first.
std::span<const std::string_view> builtin_names();
bool is_builtin_name(std::string_view name);

/// Its files, read in place. Throws Error(ExitCode::model) if this build does not contain the
/// model.
std::unique_ptr<FileSet> open_builtin(std::string_view name);
/// The same from any table, for tests.
std::unique_ptr<FileSet> open_builtin(std::string_view name, std::span<const BuiltinFile> table);

}  // namespace embedtool
