#include "formats/model/builtin_model.hpp"

#include <algorithm>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

constexpr std::string_view kDefault = "builtin";
constexpr std::string_view kFast = "builtin-fast";

bool carries(std::span<const BuiltinFile> table, std::string_view model) {
  return std::any_of(table.begin(), table.end(),
                     [&](const BuiltinFile& file) { return file.model == model; });
}

}  // namespace

bool is_builtin_name(std::string_view name) {
  return name == kDefault || name == kFast;
}

std::unique_ptr<FileSet> open_builtin(std::string_view name, std::span<const BuiltinFile> table) {
  std::string_view model = name;
  if (name == kDefault && !carries(table, name)) model = kFast;
  if (!is_builtin_name(name) || !carries(table, model)) {
    throw Error(ExitCode::model,
                "{}: this build carries no such model; give a model folder with --model", name);
  }
  auto files = std::make_unique<MemoryFileSet>(std::string(model));
  for (const BuiltinFile& file : table) {
    if (file.model == model) files->add(std::string(file.name), file.bytes);
  }
  return files;
}

std::unique_ptr<FileSet> open_builtin(std::string_view name) {
  return open_builtin(name, builtin_files());
}

}  // namespace embedtool
