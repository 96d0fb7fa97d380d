// embedtool search: exact nearest rows of an output, to check an index by eye.
#include <fmt/core.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "cli/flags.hpp"
#include "cli/model_setup.hpp"
#include "cli/render.hpp"
#include "cli/search_scorer.hpp"
#include "cli/shared_flags.hpp"
#include "cli/signals.hpp"
#include "cli/stdout_writer.hpp"
#include "formats/io/bytes_utf8.hpp"
#include "formats/io/field_value.hpp"
#include "formats/output/rejects.hpp"
#include "formats/output/shard_reader.hpp"

namespace embedtool {
namespace {

struct SearchFlags {
  std::string output;
  std::string query;
  std::string queries;
  std::size_t top = 10;
  bool json = false;
  ModelFlags model;
  ComputeFlags compute;
};

constexpr BlockLimits kBlock{8192, std::size_t{32} << 20U};

/// What is searched for.
struct Queries {
  std::vector<std::string> texts;
  std::vector<std::string> ids;  ///< of a corpus' records, one each; none of a query by itself
};

/// The texts of a corpus, read as encode reads one; empty ones are left out. A query that cannot be
/// used ends the search, so that no answer is missing unnoticed.
Queries read_queries(const SearchFlags& flags, Console& console) {
  if (flags.queries.empty()) return {{flags.query}, {}};
  CorpusOptions corpus;
  corpus.inputs = {flags.queries};
  find_inputs(corpus, console);
  RejectOptions reject_options;
  name_files(reject_options, corpus);
  RejectLog rejects(std::move(reject_options));
  const std::unique_ptr<CorpusSource> source = open_corpus(corpus, rejects);
  Queries queries;
  for (DocumentBlock block; source->read(block, kBlock);) {
    for (const Record& record : block.records) {
      if (record.kind != RecordKind::text) {
        throw Error(ExitCode::usage, "{}:{}: holds no text; search needs one",
                    source->file_name(record.file), record.line);
      }
      if (record.payload.size == 0) continue;
      queries.texts.emplace_back(block.text(record));
      queries.ids.emplace_back(block.id(record));
    }
  }
  return queries;
}

/// The output's own model, as it was used; --model only says where it is now.
ReadyModel model_of(const SearchFlags& flags, const RunIdentity& output, Console& console) {
  if (output.numerics != numerics_of(output.compute)) {
    throw Error(ExitCode::usage,
                "{}: made by a version of embedtool that computes other vectors (numerics {}, here "
                "{}); search it with that version, or encode it anew",
                flags.output, output.numerics, numerics_of(output.compute));
  }
  ModelChoice choice = resolve_model(flags.model);
  if (choice.model.empty()) choice.model = output.model_path;
  if (choice.model.empty()) choice.model = "builtin";
  choice.usual_prompts = {"query"};
  choice.searched_role = output.role;
  choice.pooling = output.pooling;
  choice.normalize = output.normalize.value_or(true);
  choice.head = output.head;
  if (output.kind != RowKind::sparse) choice.dims = output.dims;
  const ComputeChoice compute = resolve_compute(flags.compute, output.compute);
  ChosenModel model = choose_model(choice, compute, console);
  take_fingerprint(model, &output);
  if (model.loaded.fingerprint != output.model_fingerprint) {
    throw Error(ExitCode::usage,
                "{}: was not made with {} (its model's fingerprint is {}, not {}); use --model to "
                "say where its model is",
                flags.output, choice.model, output.model_fingerprint, model.loaded.fingerprint);
  }
  if (model.loaded.tokenizer == nullptr) {
    throw Error(ExitCode::model, "{}: has no tokenizer files, so it cannot encode a query",
                choice.model);
  }
  return load_weights(std::move(model));
}

/// What is shown of a row: its id and the kept fields that it has.
struct Shown {
  std::string id;
  std::vector<std::pair<KeptField, std::string>> fields;
  std::string passage;          ///< of a chunk
  nlohmann::ordered_json json;  ///< likewise: its place, and its text
};

/// Finds the best rows in one pass over the output, and remembers what to show of them.
class Finder {
 public:
  Finder(std::unique_ptr<RowScorer> scorer, std::size_t queries)
      : count_(queries), scorer_(std::move(scorer)) {}

  void offer(const OutputBlock& block, const OutputSpec& spec, std::uint64_t first_row) {
    scorer_->offer(block, first_row);
    std::map<std::uint64_t, Shown> still_shown;
    for (std::size_t q = 0; q < count_; ++q) {
      for (const Match& match : scorer_->matches(q)) {
        if (match.row < first_row) {
          if (const auto known = shown_.find(match.row); known != shown_.end()) {
            still_shown.insert(shown_.extract(known));
          }
        } else if (still_shown.count(match.row) == 0) {
          still_shown.emplace(match.row, describe(block, spec, match.row - first_row));
        }
      }
    }
    shown_ = std::move(still_shown);
  }

  std::vector<Match> matches(std::size_t query) const { return scorer_->matches(query); }
  const Shown& shown(std::uint64_t row) const { return shown_.at(row); }

 private:
  static Shown describe(const OutputBlock& block, const OutputSpec& spec, std::size_t index) {
    const DocumentBlock& documents = block.documents;
    const std::size_t record = block.rows[index].record;
    Shown shown{std::string(documents.id(documents.records[record])), {}, {}, {}};
    if (spec.chunked) describe_chunk(documents, record, spec, shown);
    for (std::size_t f = 0; f < spec.kept_fields.size(); ++f) {
      const Slice kept = documents.kept[record * spec.kept_fields.size() + f];
      if (kept.is_null()) continue;
      shown.fields.emplace_back(spec.kept_fields[f], std::string(documents.string(kept)));
    }
    return shown;
  }

  /// The passage of the document; its text, where the output has it.
  static void describe_chunk(const DocumentBlock& documents, std::size_t record,
                             const OutputSpec& spec, Shown& shown) {
    const ChunkPlace& place = documents.chunks[record];
    shown.passage = spec.chunk_text ? std::string(documents.string(place.text))
                                    : fmt::format("characters {} to {} of {}", place.begin_char,
                                                  place.end_char, documents.string(place.document));
    shown.json[kChunkDocument] = documents.string(place.document);
    for (const ChunkNumber& number : kChunkNumbers) {
      shown.json[number.name] = place.*number.value;
    }
    if (spec.chunk_text) shown.json[kChunkText] = shown.passage;
  }

  std::size_t count_;
  std::unique_ptr<RowScorer> scorer_;
  std::map<std::uint64_t, Shown> shown_;  ///< every row that is in some query's matches
};

void print_json(StdoutWriter& out, const Queries& queries, std::size_t query, std::size_t rank,
                const Match& match, const Shown& shown) {
  nlohmann::ordered_json line;
  if (!queries.ids.empty()) line["query_id"] = queries.ids[query];
  line["query"] = queries.texts[query];
  line["rank"] = rank;
  line["id"] = shown.id;
  line["score"] = match.score;
  for (const auto& [name, value] : shown.json.items()) line[name] = value;
  for (const auto& [field, value] : shown.fields) {
    if (line.contains(field.name)) continue;
    if (field.type == FieldType::string) {
      line[field.name] = value;
      continue;
    }
    std::string json;
    append_json_field(json, field.type, value);
    line[field.name] = nlohmann::ordered_json::parse(json);
  }
  out.write(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

std::string table_of(const std::vector<Match>& matches, const Finder& finder) {
  constexpr std::size_t kIdWidth = 40;
  constexpr std::size_t kFieldWidth = 90;
  Table table({Table::Align::right, Table::Align::right, Table::Align::left, Table::Align::left});
  for (std::size_t i = 0; i < matches.size(); ++i) {
    const Shown& shown = finder.shown(matches[i].row);
    std::string fields = shown.passage;
    for (const auto& [field, value] : shown.fields) {
      fields += (fields.empty() ? "" : " | ") + value;
    }
    table.row({std::to_string(i + 1), fmt::format("{:.4f}", matches[i].score),
               one_line(shown.id, kIdWidth), one_line(fields, kFieldWidth)});
  }
  return table.text();
}

void print(const SearchFlags& flags, const Queries& queries, const Finder& finder) {
  const std::vector<std::string>& texts = queries.texts;
  StdoutWriter out;
  for (std::size_t q = 0; q < texts.size(); ++q) {
    const std::vector<Match> matches = finder.matches(q);
    if (flags.json) {
      for (std::size_t i = 0; i < matches.size(); ++i) {
        print_json(out, queries, q, i + 1, matches[i], finder.shown(matches[i].row));
      }
      continue;
    }
    if (texts.size() > 1) {
      out.write(fmt::format("{}{}\n", q == 0 ? "" : "\n", one_line(texts[q], 100)));
    }
    out.write(table_of(matches, finder));
  }
  out.flush();
}

ExitCode search(const SearchFlags& flags, Console& console) {
  if (flags.query.empty() == flags.queries.empty()) {
    throw Error(ExitCode::usage,
                "search needs either a query text after the output, or --queries FILE");
  }
  OutputReader reader(flags.output);
  const OutputSpec spec = reader.spec();
  const Queries queries = read_queries(flags, console);
  for (const std::string& query : queries.texts) {
    if (!is_utf8(query)) {
      throw Error(ExitCode::usage, "the query '{}' is not UTF-8", one_line(query, 60));
    }
  }
  if (queries.texts.empty()) return ExitCode::ok;
  const ReadyModel model = model_of(flags, reader.manifest().identity, console);
  Finder finder(
      make_scorer(model, spec, queries.texts, {flags.top, resolve_threads(flags.compute.threads)}),
      queries.texts.size());
  OutputBlock block;
  for (std::uint64_t row = 0; !stop_requested() && reader.read(block, kBlock);) {
    finder.offer(block, spec, row);
    row += block.rows.size();
  }
  if (!stop_requested()) print(flags, queries, finder);
  return ExitCode::ok;
}

}  // namespace

RunCommand declare_search(CLI::App& app) {
  const auto flags = std::make_shared<SearchFlags>();
  declare_argument(app, "OUT", flags->output).required();
  declare_argument(app, "QUERY", flags->query);
  FlagGroup group(app, "Search");
  group.count("-k,--top", flags->top, "Rows per query").shows_default();
  group.value("--queries", flags->queries, "FILE",
              "Corpus of queries, in any format that encode reads; - is standard input");
  group.flag("--json", flags->json,
             "Print JSONL with query, rank, id, score and the kept fields; of --queries, query_id "
             "as well");
  FlagGroup model(app, "Model");
  model.value("-m,--model", flags->model.model, "DIR|NAME",
              "Path of the output's model, if it has moved");
  model.text("--prompt", flags->model.prompt, "STRING", "Prefix every query with this string");
  model.value(
      "--prompt-name", flags->model.prompt_name, "NAME",
      "Prefix every query with the model's prompt of this name [query, if the model has it]");
  flags->model.model.clear();
  declare_thread_count(app, flags->compute);
  declare_compute(app, flags->compute);
  return [flags](Session& session) { return search(*flags, session.console); };
}

}  // namespace embedtool
