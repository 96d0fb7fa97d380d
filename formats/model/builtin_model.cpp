#include "formats/model/builtin_model.hpp"

#include <algorithm>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

/// Files that were compiled into the program: read-only, and mapped from it by the system.
class ProgramFileSet final : public MemoryFileSet {
 public:
  using MemoryFileSet::MemoryFileSet;
  void release(std::span<const std::byte> bytes) const override { release_pages(bytes); }
};

}  // namespace

std::span<const std::string_view> builtin_names() {
  static constexpr std::string_view kNames[] = {"builtin", "builtin-fast"};
  return kNames;
}

bool is_builtin_name(std::string_view name) {
  const auto names = builtin_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::unique_ptr<FileSet> open_builtin(std::string_view name, std::span<const BuiltinFile> table) {
  const bool in_program = table.data() == builtin_files().data();
  std::unique_ptr<MemoryFileSet> files = in_program
                                             ? std::make_unique<ProgramFileSet>(std::string(name))
                                             : std::make_unique<MemoryFileSet>(std::string(name));
  bool carried = false;
  for (const BuiltinFile& file : table) {
    if (file.model != name) continue;
    files->add(std::string(file.name), file.bytes);
    carried = true;
  }
  if (!carried) {
    throw Error(ExitCode::model,
                "{}: this build does not contain that model; give a model folder with --model",
                name);
  }
  return files;
}

std::unique_ptr<FileSet> open_builtin(std::string_view name) {
  return open_builtin(name, builtin_files());
}

}  // namespace embedtool
