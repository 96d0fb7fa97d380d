// embedtool tokenize: token ids as JSONL.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "cli/chunk_flags.hpp"
#include "cli/commands.hpp"
#include "cli/flags.hpp"
#include "cli/shared_flags.hpp"
#include "cli/signals.hpp"
#include "cli/stdout_writer.hpp"
#include "core/pipeline/chunk_source.hpp"
#include "core/text/token_feed.hpp"
#include "formats/corpus/corpus.hpp"
#include "formats/io/field_value.hpp"
#include "formats/io/json_text.hpp"
#include "formats/model/builtin_model.hpp"
#include "formats/model/folder_tokenizer.hpp"
#include "formats/model/model_place.hpp"
#include "formats/output/json_rows.hpp"
#include "formats/output/rejects.hpp"
#include "formats/tokenizer/tokenizer_files.hpp"

namespace embedtool {
namespace {

struct TokenizeFlags {
  InputFlags input;
  std::string model = "builtin";
  std::optional<std::string> prompt;
  std::string prompt_name;
  std::optional<std::size_t> max_length;
  bool no_special = false;
  ChunkFlags chunks;
};

constexpr BlockLimits kBlock{1024, std::size_t{4} << 20U};

/// Turns records into lines, one at a time; buffers are recycled.
class Printer {
 public:
  /// `chunk_text`: where documents are cut, lines have their chunk's text.
  Printer(const TokenSettings& settings, bool chunk_text, RejectSink& rejects)
      : feed_(settings), chunk_text_(chunk_text), rejects_(rejects) {}

  void print(const DocumentBlock& block, StdoutWriter& out) {
    for (std::size_t i = 0; i < block.records.size(); ++i) {
      const Record& record = block.records[i];
      if (record.kind == RecordKind::vector) {
        rejects_.add(
            {record.file, record.line, block.id(record), "a ready vector has no tokens", ""});
        continue;
      }
      line_.clear();
      format(block, i);
      out.write(line_);
    }
  }

 private:
  void format(const DocumentBlock& block, std::size_t index) {
    const Record& record = block.records[index];
    ids_.clear();
    const TokenizeResult result = feed_.append(block, record, ids_);
    line_ += "{\"id\":";
    append_json_string(line_, block.id(record));
    if (!block.chunks.empty()) append_chunk_members(line_, block, index, chunk_text_);
    line_ += ",\"input_ids\":[";
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      fmt::format_to(std::back_inserter(line_), "{}{}", i == 0 ? "" : ",", ids_[i]);
    }
    line_ += fmt::format("],\"n_tokens\":{},\"truncated\":{}}}\n", ids_.size(), result.truncated);
  }

  TokenFeed feed_;
  const bool chunk_text_;
  RejectSink& rejects_;
  std::vector<TokenId> ids_;
  std::string line_;
};

FolderTokenizer choose_tokenizer(const std::string& model) {
  // A file may be a tokenizer without a model.
  std::error_code failed;
  const bool is_file = std::filesystem::exists(model, failed) &&
                       !std::filesystem::is_directory(model, failed) && !is_builtin_name(model);
  if (is_file) return {load_tokenizer_from_path(model), 0, {}};
  const ModelPlace place = find_model(model);
  if (place.gguf_name.empty()) return open_folder_tokenizer(*place.files);
  return {load_tokenizer_from_path(place.files->describe() + "/" + place.gguf_name), 0, {}};
}

/// The prompt that is asked for; none unless it is.
std::string choose_prompt(const TokenizeFlags& flags, const PromptSettings& settings) {
  if (flags.prompt || flags.prompt_name.empty()) return flags.prompt.value_or("");
  const auto found = settings.prompts.find(flags.prompt_name);
  if (found != settings.prompts.end()) return found->second;
  std::string names;
  for (const auto& [name, text] : settings.prompts) names += (names.empty() ? "" : ", ") + name;
  throw Error(ExitCode::usage, "--prompt-name {}: {} has {}", flags.prompt_name, flags.model,
              names.empty() ? "no prompts; use --prompt STRING" : "only " + names);
}

ExitCode tokenize(const TokenizeFlags& flags, Console& console) {
  const FolderTokenizer choice = choose_tokenizer(flags.model);
  if (implies_stdin(flags.input)) refuse_terminal();
  const ChunkPlan plan = resolve_chunks(flags.chunks);
  if (plan.on_long == OnLong::skip || plan.on_long == OnLong::fail) {
    throw Error(ExitCode::usage, "--on-long {}: tokenize prints every text, truncated or in chunks",
                name_of(plan.on_long));
  }
  CorpusOptions corpus = resolve_input(flags.input);
  if (!plan.prefix.empty()) corpus.keep.push_back(kept_word({plan.prefix}));
  find_inputs(corpus, console);
  RejectOptions reject_options = resolve_rejects(flags.input);
  name_files(reject_options, corpus);
  RejectLog rejects(std::move(reject_options));
  const std::unique_ptr<CorpusSource> source = open_corpus(corpus, rejects);

  TokenSettings settings{choice.tokenizer.get(), choose_prompt(flags, choice.prompts),
                         flags.max_length.value_or(choice.limit), !flags.no_special};
  std::unique_ptr<ChunkSource> chunks;
  if (plan.cuts()) {
    const ChunkSizes sizes = settle_chunks(plan, settings.max_tokens, flags.model);
    settings.max_tokens = sizes.tokens;
    ChunkOptions options;
    options.rule = {sizes.overlap, plan.by};
    options.prefixed = !plan.prefix.empty();
    options.joiner = corpus.joiner;
    chunks = std::make_unique<ChunkSource>(*source, settings, options, rejects);
  }
  DocumentSource& texts = chunks ? *chunks : static_cast<DocumentSource&>(*source);
  Printer printer(settings, plan.text, rejects);
  StdoutWriter out;
  DocumentBlock block;
  while (!stop_requested() && texts.read(block, kBlock)) {
    printer.print(block, out);
    out.flush();  // a slow producer's lines are not held back
  }
  const SourceProgress progress = source->progress();
  rejects.finish(progress.records + progress.rejected);
  report_rejects(rejects, console);
  report_empty_inputs(*source, console);
  return ExitCode::ok;
}

}  // namespace

RunCommand declare_tokenize(CLI::App& app) {
  const auto flags = std::make_shared<TokenizeFlags>();
  declare_input(app, flags->input);
  FlagGroup group(app, "Tokens");
  group
      .value("-m,--model", flags->model, "DIR|FILE|NAME",
             "Tokenizer files, ORG/NAME in the hub's cache, or builtin")
      .shows_default();
  group.count("--max-length", flags->max_length,
              "Maximum length in tokens, including special tokens; 0: no limit [the model's]", 0);
  group.text("--prompt", flags->prompt, "STRING", "Prefix every text with this string");
  group.value("--prompt-name", flags->prompt_name, "NAME",
              "Prefix every text with the model's prompt of this name");
  group.flag("--no-special", flags->no_special, "Do not add special tokens");
  declare_chunks(app, flags->chunks);
  return [flags](Session& session) { return tokenize(*flags, session.console); };
}

}  // namespace embedtool
