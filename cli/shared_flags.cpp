#include "cli/shared_flags.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "cli/flags.hpp"
#include "cli/signals.hpp"
#include "core/base/error.hpp"
#include "core/base/human.hpp"
#include "core/base/threads.hpp"
#include "formats/corpus/input_list.hpp"

namespace embedtool {

void declare_input(CLI::App& app, InputFlags& flags) {
  declare_arguments(app, "INPUT", flags.inputs);
  FlagGroup group(app, "Input");
  std::vector<std::string> formats{"auto"};
  for (const std::string_view name : input_format_names()) formats.emplace_back(name);
  group.choice("--format", flags.format, formats,
               "Format of the inputs; auto: by content, then by name; file: each file is one text");
  group.list("--glob", flags.globs, "PATTERN",
             "In folders, read only files that match; repeatable");
  group.path("--files-from", flags.files_from, "FILE",
             "Read more names of inputs from FILE, one per line; - is standard input");
  group.flag("-0,--null", flags.nul_names, "In --files-from, each name ends with NUL");
  group.list("--text-field", flags.text_fields, "NAME",
             "Field with the text: a name, a dotted path or a JSON pointer; repeatable [text; in "
             "BEIR corpora title, then text]");
  group.text("--join", flags.join, "STRING", "Separator between text fields [a space]");
  group.value("--id-field", flags.id_field, "NAME",
              "Field with the id [id, else _id, else generated]");
  group.choice("--id-from", flags.id_from,
               "What generated ids are: the record's number, from 0, or FILE@BYTE (Parquet and "
               "Arrow: FILE@ROW)");
  group.value("--delimiter", flags.delimiter, "C",
              "In CSV and TSV, the character between fields; tab for a tab [detected]");
  group.flag("--no-header", flags.no_header,
             "In CSV and TSV, the first line is a record; columns are named 1, 2, ...");
  group.flag("--no-quotes", flags.no_quotes, "In CSV and TSV, \" is an ordinary character");
  group.choice("--on-error", flags.on_error,
               "Skip and count bad records, or end the run with status 3 at the first");
  group
      .value("--max-rejects", flags.max_rejects, "N|P%",
             "End the run with status 3 if more records are bad; a percentage is checked from the "
             "1000th on; 100%: no limit")
      .shows_default();
  group.value("--max-line", flags.max_line, "SIZE", "A longer record is a bad one [32M]");
  group.flag("--long", flags.long_windows,
             "Read zstd files made with --long; takes up to 2 GiB of memory");
  group.choice("--duplicate-ids", flags.duplicate_ids,
               "Duplicate id: keep and count the record, or reject it");
}

void refuse_terminal() {
  if (::isatty(STDIN_FILENO) != 1) return;
  throw Error(ExitCode::usage,
              "no input: name a file, or pipe a corpus in (- reads from the terminal)");
}

namespace {

/// One byte that can be between fields; NUL where none was given.
char parse_delimiter(const std::string& word) {
  if (word.empty()) return '\0';
  if (word == "tab" || word == "\\t") return '\t';
  const bool good = word.size() == 1 && static_cast<unsigned char>(word[0]) < 0x80 &&
                    word.find_first_of("\"\r\n") == std::string::npos && word[0] != '\0';
  if (good) return word[0];
  throw Error(ExitCode::usage,
              "--delimiter {}: give one ASCII character other than a quote, or the word tab", word);
}

}  // namespace

bool implies_stdin(const InputFlags& flags) {
  return flags.inputs.empty() && flags.files_from.empty();
}

CorpusOptions resolve_input(const InputFlags& flags) {
  CorpusOptions options;
  options.inputs = flags.inputs;
  if (implies_stdin(flags)) options.inputs.emplace_back("-");
  if (flags.nul_names && flags.files_from.empty()) {
    throw Error(ExitCode::usage, "-0 (--null) is about the names in --files-from FILE");
  }
  options.files_from = flags.files_from;
  options.nul_names = flags.nul_names;
  options.globs = flags.globs;
  options.long_windows = flags.long_windows;
  options.id_from = flags.id_from;
  options.delimiter = parse_delimiter(flags.delimiter);
  options.header = !flags.no_header;
  if (flags.format != "auto") options.format = flags.format;
  options.text_fields = flags.text_fields;
  if (flags.join) options.joiner = *flags.join;
  options.id_field = flags.id_field;
  options.quotes = !flags.no_quotes;
  if (!flags.max_line.empty()) options.max_line_bytes = parse_size("--max-line", flags.max_line);
  options.unique_ids = flags.duplicate_ids == DuplicateIds::reject;
  return options;
}

void find_inputs(CorpusOptions& corpus, Console& console) {
  corpus.stop = &stop_requested();
  corpus.warn = [&console](const std::string& text) { console.warning(text); };
  corpus.detail = [&console](const std::string& text) { console.detail(text); };
  corpus.files = std::make_shared<const InputList>(corpus);
}

void name_files(RejectOptions& rejects, const CorpusOptions& corpus) {
  rejects.file_name = [files = corpus.files](std::uint32_t file) { return files->name(file); };
}

RejectOptions resolve_rejects(const InputFlags& flags) {
  RejectOptions options;
  options.on_error = flags.on_error;
  std::string_view word = flags.max_rejects;
  const bool percent = word.ends_with('%');
  if (percent) word.remove_suffix(1);
  const char* end = word.data() + word.size();
  const auto [stopped, error] = percent ? std::from_chars(word.data(), end, options.budget.percent)
                                        : std::from_chars(word.data(), end, options.budget.count);
  if (error != std::errc() || stopped != end ||
      !(options.budget.percent >= 0 && options.budget.percent <= 100)) {
    throw Error(ExitCode::usage,
                "--max-rejects {}: give a number of records, or a percentage such as 1%",
                flags.max_rejects);
  }
  return options;
}

void report_rejects(const RejectLog& rejects, Console& console) {
  const std::uint64_t count = rejects.count();
  if (count == 0) return;
  std::string text = human_count(count, "record") + " could not be used:";
  const std::vector<std::string> examples = rejects.examples();
  for (const std::string& example : examples) text += "\n  " + example;
  if (examples.size() < count) text += fmt::format("\n  … and {} more", count - examples.size());
  console.warning(text);
}

void report_empty_inputs(const CorpusSource& source, Console& console) {
  const EmptyInputs& empty = source.empty_inputs();
  if (empty.count == empty.files) return;  // an empty corpus
  for (const std::string& example : empty.examples) console.warning(example);
  const std::uint64_t more = empty.count - empty.examples.size();
  if (more > 0) console.warning(fmt::format("{} more files are empty", more));
}

void declare_model(CLI::App& app, ModelFlags& flags) {
  FlagGroup group(app, "Model");
  group
      .value("-m,--model", flags.model, "DIR|NAME",
             "Model folder, ORG/NAME in the hub's cache, or builtin")
      .shows_default();
  group.text("--prompt", flags.prompt, "STRING", "Prefix every text with this string");
  group.value("--prompt-name", flags.prompt_name, "NAME",
              "Prefix every text with the model's prompt of this name");
  group.choice("--head", flags.head,
               "Which of the model's heads to use: one vector, token weights, or one vector per "
               "token [the model's first]");
  group.choice("--pooling", flags.pooling,
               "How token vectors become one vector; none: keep one per token [the model's]");
  group.flag("--no-normalize", flags.no_normalize, "Do not normalize vectors to unit length");
  group.count("--dims", flags.dims,
              "Keep the first N dimensions and normalize again (Matryoshka models); sparse head: "
              "keep the N heaviest tokens");
  group.count("--max-length", flags.max_length,
              "Maximum length in tokens, including special tokens [the model's]");
}

ModelChoice resolve_model(const ModelFlags& flags) {
  ModelChoice choice;
  choice.model = flags.model;
  choice.head = flags.head;
  if (flags.pooling) choice.pooling = {*flags.pooling};
  choice.normalize = !flags.no_normalize;
  choice.prompt = flags.prompt;
  choice.prompt_name = flags.prompt_name;
  choice.dims = flags.dims;
  choice.max_length = flags.max_length;
  return choice;
}

void declare_thread_count(CLI::App& app, ComputeFlags& flags) {
  FlagGroup(app, "Work")
      .count("--threads", flags.threads, "Worker threads [what affinity and cgroup allow]");
}

void declare_threads(CLI::App& app, ComputeFlags& flags) {
  declare_thread_count(app, flags);
  FlagGroup group(app, "Work");
  group.flag("--pin", flags.pin, "Bind each worker thread to a CPU");
}

void declare_compute(CLI::App& app, ComputeFlags& flags) {
  FlagGroup group(app, "Work");
  group.choice("--compute", flags.compute, compute_wishes(),
               "Precision of the linear layers; auto: bf16 where it is faster than f32 [f32]");
  group
      .value("--gemm", flags.gemm, "NAME",
             "Force a matrix backend: native, onednn, openblas, reference")
      .shows_default();
  group.value("--isa", flags.isa, "NAME", "Force an instruction set for the kernels")
      .shows_default();
}

std::size_t resolve_threads(std::size_t asked) {
  return asked > 0 ? asked : available_cpus();
}

ComputeChoice resolve_compute(const ComputeFlags& flags, ComputeWish otherwise) {
  return {flags.compute.empty() ? otherwise : parse_compute_wish(flags.compute), flags.gemm,
          flags.isa};
}

}  // namespace embedtool
