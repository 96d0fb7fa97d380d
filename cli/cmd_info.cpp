// embedtool info: what a model or an output is.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "cli/commands.hpp"
#include "cli/flags.hpp"
#include "cli/render.hpp"
#include "cli/stdout_writer.hpp"
#include "core/base/human.hpp"
#include "formats/hub/hub_cache.hpp"
#include "formats/io/durable_file.hpp"
#include "formats/model/builtin_model.hpp"
#include "formats/model/load_model.hpp"
#include "formats/model/model_description.hpp"
#include "formats/output/merge_units.hpp"
#include "formats/output/part_choice.hpp"
#include "formats/output/shard_reader.hpp"

namespace embedtool {
namespace {

using Json = nlohmann::ordered_json;

struct InfoFlags {
  std::string path;
  bool json = false;
};

void print(const Json& json) {
  print_to_stdout(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

Json to_json(const DescriptionValue& value) {
  return std::visit(
      [](const auto& v) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>,
                                     std::vector<std::pair<std::string, std::string>>>) {
          Json named = Json::object();
          for (const auto& [name, text] : v) named[name] = text;
          return named;
        } else {
          return v;
        }
      },
      value);
}

void show_model(const LoadedModel& model, bool json) {
  const ModelDescription description = describe(model);
  if (json) {
    Json out;
    for (const DescriptionLine& line : description.lines) out[line.key] = to_json(line.value);
    print(out);
    return;
  }
  constexpr std::size_t kValueWidth = 200;
  Table table({Table::Align::left, Table::Align::left});
  for (const DescriptionLine& line : description.lines) {
    std::string text = one_line(to_text(line.value), kValueWidth);
    if (!line.why.empty()) text += fmt::format("  ({})", line.why);
    table.row({line.key, std::move(text)});
  }
  print_to_stdout(table.text());
  // A folder's card is a file to read; that of a model inside the program is nowhere else.
  if (is_builtin_name(model.where) && !model.card.empty()) {
    print_to_stdout("\n" + std::string(model.card));
  }
}

std::uint64_t bytes_of(const Manifest& manifest) {
  std::uint64_t sum = 0;
  for (const ShardEntry& shard : manifest.shards) sum += shard.bytes;
  for (const FileEntry& file : manifest.files) sum += file.bytes;
  return sum;
}

std::string made_by(const RunIdentity& identity) {
  return fmt::format("embedtool {}", identity.program);
}

/// Those of other versions of embedtool too.
Settings settings_of(const Manifest& manifest) {
  Settings settings = identity_settings(manifest.identity);
  settings.insert(settings.end(), manifest.foreign_settings.begin(),
                  manifest.foreign_settings.end());
  return settings;
}

Json output_json(const Manifest& manifest) {
  const RunIdentity& identity = manifest.identity;
  Json out{{"rows", manifest.rows},
           {"dims", identity.dims},
           {"dtype", name_of(identity.dtype)},
           {"multi_vector", identity.kind == RowKind::multi},
           {"sparse", identity.kind == RowKind::sparse},
           {"data", name_of(identity.to)},
           {"bytes", bytes_of(manifest)},
           {"kept_fields", identity.keep},
           {"model_fingerprint", identity.model_fingerprint},
           {"tool", made_by(identity)}};
  out["settings"] = Json::object();
  for (const auto& [name, value] : settings_of(manifest)) out["settings"][name] = value;
  out["inputs"] = Json::array();
  for (const InputEntry& input : identity.inputs) {
    Json entry{{"name", input.name}, {"bytes", input.bytes ? Json(*input.bytes) : Json(nullptr)}};
    if (input.files > 0) entry["files"] = input.files;
    out["inputs"].push_back(std::move(entry));
  }
  out["shards"] = Json::array();
  for (const ShardEntry& shard : manifest.shards) {
    out["shards"].push_back({{"name", shard.name},
                             {"rows", shard.rows},
                             {"first_row", shard.first_row},
                             {"bytes", shard.bytes},
                             {"xxh128", shard.hash.hex()}});
  }
  return out;
}

std::string output_table(const Manifest& manifest) {
  const RunIdentity& identity = manifest.identity;
  Table table({Table::Align::left, Table::Align::left});
  table.row({"rows", human_count(manifest.rows)});
  if (identity.kind == RowKind::sparse) {
    table.row({"weights", fmt::format("for some of {} tokens", human_count(identity.dims))});
  } else {
    table.row({"vectors", fmt::format("{} × {}{}", identity.dims, name_of(identity.dtype),
                                      identity.kind == RowKind::multi ? ", one per token" : "")});
  }
  table.row({"bytes", human_bytes(bytes_of(manifest))});
  table.row({"data", identity.to == OutputFormat::parquet
                         ? "parquet, " + human_count(manifest.shards.size(), "shard")
                         : std::string(name_of(identity.to))});
  if (!identity.keep.empty()) {
    table.row({"kept fields", fmt::format("{}", fmt::join(identity.keep, ", "))});
  }
  for (const auto& [name, value] : settings_of(manifest)) {
    if (!value.empty()) table.row({name, one_line(value, 120)});
  }
  table.row({"fingerprint", identity.model_fingerprint});
  for (const InputEntry& input : identity.inputs) {
    const std::string files =
        input.files > 0 ? fmt::format("{} files, ", human_count(input.files)) : "";
    table.row({"input", input.bytes
                            ? fmt::format("{} ({}{})", input.name, files, human_bytes(*input.bytes))
                            : input.name});
  }
  table.row({"made by", made_by(identity)});
  return table.text();
}

constexpr std::string_view kListedKeys[] = {"model", "family", "dimensions", "max_tokens",
                                            "weights"};

/// The models inside the program.
void list_builtins(Json& all, Table& table) {
  for (const std::string_view name : builtin_names()) {
    Json object;
    std::vector<std::string> row(std::size(kListedKeys));
    for (const DescriptionLine& line : describe(load_model(std::string(name))).lines) {
      const auto* key = std::find(std::begin(kListedKeys), std::end(kListedKeys), line.key);
      if (key == std::end(kListedKeys)) continue;
      object[line.key] = to_json(line.value);
      row[static_cast<std::size_t>(key - std::begin(kListedKeys))] =
          to_text(line.value) + (line.key == "weights" ? " (" + line.why + ")" : "");
    }
    all.push_back(std::move(object));
    table.row(std::move(row));
  }
}

/// Why a snapshot of the hub's cache cannot be used; "" = it can.
std::string why_not_loadable(const ListedSnapshot& snapshot) {
  if (!snapshot.missing.empty()) {
    return fmt::format(
        "incomplete: no {}; embedtool pull {} completes it", snapshot.missing,
        to_string(HubName{snapshot.repo,
                          snapshot.refs.empty() ? snapshot.commit : snapshot.refs.front()}));
  }
  try {
    open_model(snapshot.repo + "@" + snapshot.commit);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

/// The models of the hub's cache. Each is opened, so that the list says what -m would.
void list_cached(Json& all, Table& table, const HubSettings& settings) {
  constexpr std::size_t kShownCommit = 12;
  constexpr std::size_t kReasonWidth = 160;
  for (const ListedSnapshot& snapshot : list_cache(settings)) {
    const std::string problem = why_not_loadable(snapshot);
    Json object{{"model", snapshot.repo},  {"revision", snapshot.commit},
                {"refs", snapshot.refs},   {"bytes", snapshot.bytes},
                {"path", snapshot.folder}, {"loadable", problem.empty()}};
    if (!problem.empty()) object["problem"] = problem;
    all.push_back(std::move(object));
    std::string revision = snapshot.commit.substr(0, kShownCommit);
    if (!snapshot.refs.empty()) revision += fmt::format(" ({})", fmt::join(snapshot.refs, ", "));
    table.row({snapshot.repo, std::move(revision), human_bytes(snapshot.bytes),
               problem.empty() ? "yes" : "no: " + one_line(problem, kReasonWidth)});
  }
}

/// The models that can be named without a path, with a few lines of each.
ExitCode list_models(bool json) {
  Json all = Json::array();
  Table builtins(std::vector<Table::Align>(std::size(kListedKeys), Table::Align::left));
  builtins.row({std::begin(kListedKeys), std::end(kListedKeys)});
  list_builtins(all, builtins);
  const HubSettings settings = hub_settings();
  const std::size_t inside = all.size();
  Table cached({Table::Align::left, Table::Align::left, Table::Align::right, Table::Align::left});
  cached.row({"model", "revision", "size", "loadable"});
  list_cached(all, cached, settings);
  if (json) {
    print(all);
    return ExitCode::ok;
  }
  print_to_stdout(builtins.text());
  if (all.size() > inside) {
    print_to_stdout(fmt::format("\nIn the hub's cache, {}:\n{}", settings.cache, cached.text()));
  }
  return ExitCode::ok;
}

/// Units of a job that are not merged yet.
void show_units_of(const std::string& path, bool json) {
  MergeOptions options;
  options.output = path;
  UnitMerge merge(options);
  const std::vector<std::size_t> missing = merge.check();
  const UnitTotals& totals = merge.totals();
  const std::size_t all = merge.plan().units.size();
  if (json) {
    print(Json{{"merged", false},
               {"units", all},
               {"units_done", totals.units},
               {"unit_bytes", merge.plan().unit_bytes},
               {"missing", show_units(missing)},
               {"rows", totals.rows},
               {"rejected", totals.rejected},
               {"bytes", totals.bytes_written}});
    return;
  }
  Table table({Table::Align::left, Table::Align::left});
  table.row(
      {"units",
       fmt::format("{} of {} are done{}", totals.units, all,
                   missing.empty() ? fmt::format("; `embedtool merge {}` joins them", path) : "")});
  if (!missing.empty()) table.row({"missing", one_line(show_units(missing), 120)});
  table.row({"unit size", human_bytes(merge.plan().unit_bytes)});
  table.row({"rows", human_count(totals.rows)});
  table.row({"rejected", human_count(totals.rejected)});
  table.row({"bytes", human_bytes(totals.bytes_written)});
  for (const auto& [host, count] : totals.hosts) {
    table.row({"host", fmt::format("{}: {}", host, human_count(count, "unit"))});
  }
  print_to_stdout(table.text());
}

ExitCode info(const InfoFlags& flags) {
  if (flags.path.empty()) return list_models(flags.json);
  std::error_code failed;
  const std::filesystem::path path(flags.path);
  if (std::filesystem::exists(path / kPlanName, failed) &&
      !std::filesystem::exists(path / kManifestName, failed)) {
    show_units_of(flags.path, flags.json);
    return ExitCode::ok;
  }
  const bool is_output = std::filesystem::exists(path / kManifestName, failed) ||
                         std::filesystem::exists(path / kJournalName, failed);
  if (is_builtin_name(flags.path) || !is_output) {
    show_model(load_model(flags.path), flags.json);
    return ExitCode::ok;
  }
  const Manifest manifest = load_manifest(Directory(flags.path, false));
  if (flags.json) {
    print(output_json(manifest));
  } else {
    print_to_stdout(output_table(manifest));
  }
  return ExitCode::ok;
}

}  // namespace

RunCommand declare_info(CLI::App& app) {
  const auto flags = std::make_shared<InfoFlags>();
  declare_argument(app, "PATH", flags->path);
  FlagGroup(app, "Output").flag("--json", flags->json, "Print one JSON object");
  return [flags](Session&) { return info(*flags); };
}

}  // namespace embedtool
