// embedtool export: the vectors of an output in another format.
#include <fmt/core.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "cli/commands.hpp"
#include "cli/early_checks.hpp"
#include "cli/flags.hpp"
#include "core/base/error.hpp"
#include "core/base/human.hpp"
#include "formats/output/export_output.hpp"

namespace embedtool {
namespace {

struct ExportFlags {
  std::string output;
  std::string file;
  std::optional<ExportFormat> to;
  std::optional<JsonEmbedding> embedding_as;
  ExportId id_type = ExportId::string;
  bool row_numbers = false;
  bool overwrite = false;
};

/// The format asked for, else the one that the file's suffix names.
ExportFormat format_of(const ExportFlags& flags) {
  if (flags.to) return *flags.to;
  std::string suffix = std::filesystem::path(flags.file).extension();
  if (!suffix.empty()) suffix.erase(0, 1);
  const std::optional<ExportFormat> named = find_named<ExportFormat>(suffix);
  if (named) return *named;
  throw Error(ExitCode::usage, "-o {}: does not name a format; give one with --to ({})", flags.file,
              word_list<ExportFormat>());
}

/// Options that a format has no place for.
void check_columns(const ExportFlags& flags, ExportFormat format, bool to_stdout) {
  const auto is_one_of = [format](auto... others) { return ((format == others) || ...); };
  using enum ExportFormat;
  const bool vectors_only = is_one_of(faiss, fvecs, bvecs) || (format == npy && to_stdout);
  if (flags.id_type != ExportId::string && vectors_only) {
    throw Error(ExitCode::usage, "--id-type {}: {} holds no ids", name_of(flags.id_type),
                name_of(format));
  }
  if (flags.row_numbers && (vectors_only || format == npy)) {
    throw Error(ExitCode::usage, "--row-numbers: {} holds nothing beside vectors", name_of(format));
  }
}

ExitCode run_export(const ExportFlags& flags, Console& console) {
  const ExportFormat format = format_of(flags);
  ExportOptions options;
  options.overwrite = flags.overwrite;
  if (flags.embedding_as && format != ExportFormat::jsonl) {
    throw Error(ExitCode::usage, "--embedding-as is for --to jsonl");
  }
  options.embedding_as = flags.embedding_as.value_or(JsonEmbedding::array);
  const bool to_stdout = flags.file == "-";
  check_columns(flags, format, to_stdout);
  options.id_type = flags.id_type;
  options.row_numbers = flags.row_numbers;
  check_destination("-o", flags.file);
  const ExportCounts counts =
      to_stdout ? export_stream(flags.output, format, STDOUT_FILENO, "standard output", options)
                : export_output(flags.output, format, flags.file, options);
  if (!to_stdout) {
    std::string beside;
    for (const std::string& file : counts.beside) beside += "; beside it " + file;
    console.note(fmt::format("{}: {} of {}{}", flags.file, human_count(counts.vectors, "vector"),
                             human_count(counts.rows, "row"), beside));
    if (!counts.table.empty()) {
      console.note(
          fmt::format("load it with psql:\n  {};\n  \\copy items FROM '{}' (FORMAT binary)",
                      counts.table, flags.file));
    }
  }
  return ExitCode::ok;
}

}  // namespace

RunCommand declare_export(CLI::App& app) {
  const auto flags = std::make_shared<ExportFlags>();
  declare_argument(app, "OUT", flags->output).required();
  FlagGroup group(app, "Output");
  group.path("-o,--output", flags->file, "FILE", "File to write, or - for standard output")
      .required();
  group.choice("--to", flags->to, "Format [what FILE's suffix names]");
  group.choice("--embedding-as", flags->embedding_as,
               "jsonl: vectors as an array of numbers or as a Base64 string [array]");
  group.choice("--id-type", flags->id_type,
               "Ids as they are, or as UUIDs: an id that is none gets that of its name");
  group.flag("--row-numbers", flags->row_numbers, "Add a column 'row': the row's number, from 0");
  group.flag("--overwrite", flags->overwrite, "Replace an existing file");
  return [flags](Session& session) { return run_export(*flags, session.console); };
}

}  // namespace embedtool
