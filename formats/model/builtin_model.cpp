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

/// Files that were compiled into the program: read-only, and mapped from it by the system.
class ProgramFileSet final : public MemoryFileSet {
 public:
  using MemoryFileSet::MemoryFileSet;
  void release(std::span<const std::byte> bytes) const override { release_pages(bytes); }
};

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
  const bool in_program = table.data() == builtin_files().data();
  std::unique_ptr<MemoryFileSet> files = in_program
                                             ? std::make_unique<ProgramFileSet>(std::string(model))
                                             : std::make_unique<MemoryFileSet>(std::string(model));
  for (const BuiltinFile& file : table) {
    if (file.model == model) files->add(std::string(file.name), file.bytes);
  }
  return files;
}

std::unique_ptr<FileSet> open_builtin(std::string_view name) {
  return open_builtin(name, builtin_files());
}

}  // namespace embedtool
