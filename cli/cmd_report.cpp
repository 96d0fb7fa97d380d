// embedtool report: the accounts of runs, side by side or as a page to look at.
#include <fmt/core.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/flags.hpp"
#include "cli/render.hpp"
#include "core/base/error.hpp"
#include "core/base/human.hpp"
#include "formats/io/publish_file.hpp"
#include "formats/output/manifest.hpp"
#include "formats/report/report_page.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kLargestReport = std::size_t{64} << 20U;

struct ReportCommandFlags {
  std::vector<std::string> outputs;
  std::string page;
};

/// The report of an output directory, or of a file.
NamedReport load_report(const std::string& where) {
  const bool folder = std::filesystem::is_directory(where);
  const std::string path = folder ? where + "/" + std::string(kReportName) : where;
  auto text = read_file(path, kLargestReport);
  if (!text) {
    throw Error(ExitCode::failed, "{}: no report found; {}", path,
                folder ? "an unfinished run has none yet"
                       : "name an output directory, or a JSON file that --report wrote");
  }
  return {where, std::move(*text)};
}

/// A line of the comparison: a name, and what to show of a report.
struct Line {
  const char* name;
  std::function<std::string(const nlohmann::json&)> show;
};

double number(const nlohmann::json& report, const char* pointer) {
  const auto& value = report.at(nlohmann::json::json_pointer(pointer));
  return value.is_number() ? value.get<double>() : 0;
}

std::string share(const nlohmann::json& report, const char* stage) {
  return fmt::format("{:.1f} %", 100 * number(report, stage) / number(report, "/cpu_ms"));
}

std::vector<Line> lines() {
  using Json = nlohmann::json;
  const auto count = [](const char* at) {
    return [at](const Json& r) { return human_count(std::uint64_t(number(r, at))); };
  };
  const auto bytes = [](const char* at) {
    return [at](const Json& r) { return human_bytes(std::uint64_t(number(r, at))); };
  };
  const auto time = [](const char* at) {
    return [at](const Json& r) { return human_seconds(number(r, at) / 1e3); };
  };
  const auto part = [](const char* at) { return [at](const Json& r) { return share(r, at); }; };
  return {
      {"vectors", count("/counts/rows")},
      {"total time", time("/total_ms")},
      {"first vectors after", time("/first_vector_ms")},
      {"texts/s", count("/texts_per_second")},
      {"tokens/s", count("/tokens_per_second")},
      {"CPU time", time("/cpu_ms")},
      {"  tokenize", part("/stages/tokenize/cpu_ms")},
      {"  gemm", part("/stages/gemm/cpu_ms")},
      {"  attention", part("/stages/attention/cpu_ms")},
      {"  load model", part("/stages/load/cpu_ms")},
      {"peak memory", bytes("/memory/peak_rss")},
      {"bytes written", bytes("/bytes/out")},
      {"precision",
       [](const Json& r) { return r.at("compute").at("precision").get<std::string>(); }},
      {"workers", count("/compute/workers")},
      {"batch",
       [](const Json& r) {
         return fmt::format("{} texts, {} tokens", number(r, "/batching/texts"),
                            number(r, "/batching/tokens"));
       }},
  };
}

std::string compare(const std::vector<NamedReport>& reports) {
  std::vector<nlohmann::json> parsed;
  std::vector<Table::Align> columns{Table::Align::left};
  std::vector<std::string> head{""};
  for (const NamedReport& report : reports) {
    parsed.push_back(nlohmann::json::parse(report.json));
    columns.push_back(Table::Align::right);
    head.push_back(one_line(report.name, 40));
  }
  Table table(columns);
  table.row(head);
  for (const Line& line : lines()) {
    std::vector<std::string> cells{line.name};
    for (const nlohmann::json& report : parsed) cells.push_back(line.show(report));
    table.row(std::move(cells));
  }
  std::string out = table.text();
  if (parsed.size() > 1) return out;
  for (const auto& advice : parsed[0].at("advice")) {
    out += fmt::format("\n* {}\n", advice.get<std::string>());
  }
  return out;
}

ExitCode report(const ReportCommandFlags& flags, Console& console) {
  std::vector<NamedReport> reports;
  for (const std::string& output : flags.outputs) reports.push_back(load_report(output));
  const std::string page = report_page(reports);  // also checks them
  if (!flags.page.empty()) {
    publish_file(flags.page, page);
    console.note(fmt::format("{}: written; open it in a browser", flags.page));
    return ExitCode::ok;
  }
  std::string text;
  try {
    text = compare(reports);
  } catch (const nlohmann::json::exception& e) {
    throw Error(ExitCode::failed, "a report lacks a field: {}; was it written by hand?", e.what());
  }
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) {
    throw Error(ExitCode::failed, "standard output: cannot write; is the disk full?");
  }
  return ExitCode::ok;
}

}  // namespace

RunCommand declare_report_command(CLI::App& app) {
  const auto flags = std::make_shared<ReportCommandFlags>();
  declare_arguments(app, "OUT", flags->outputs).required();
  FlagGroup group(app, "Output");
  group.path("-o,--output", flags->page, "FILE",
             "Write an HTML page to FILE instead of a table to standard output");
  return [flags](Session& session) { return report(*flags, session.console); };
}

}  // namespace embedtool
