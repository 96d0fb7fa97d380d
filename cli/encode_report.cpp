#include "cli/encode_report.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "cli/flags.hpp"
#include "cli/render_report.hpp"
#include "core/base/threads.hpp"
#include "formats/io/publish_file.hpp"
#include "formats/report/report_page.hpp"
#include "formats/report/trace_file.hpp"

namespace embedtool {
namespace {

/// The figures that a log is searched for.
LogFields report_fields(const RunReport& report) {
  const double encode_seconds = static_cast<double>(report.times.encode_wall_ns) / 1e9;
  const auto rate = [encode_seconds](std::uint64_t n) {
    return encode_seconds > 0 ? static_cast<double>(n) / encode_seconds : 0.0;
  };
  return {{"rows", report.counts.rows},
          {"tokens", report.counts.tokens},
          {"rejected", report.counts.rejected},
          {"truncated", report.counts.truncated},
          {"seconds", static_cast<double>(report.times.wall_ns) / 1e9},
          {"texts_per_second", rate(report.counts.rows)},
          {"tokens_per_second", rate(report.counts.tokens)},
          {"memory_peak_bytes", report.memory.peak_rss},
          {"interrupted", report.interrupted}};
}

}  // namespace

void declare_report(CLI::App& app, ReportFiles& files) {
  FlagGroup group(app, "Output");
  group.path("--report", files.report, "FILE",
             "Also write the report to FILE: an HTML page if the name ends in .html, else JSON");
  group.path("--trace", files.trace, "FILE",
             "Record what every thread did and when, for Perfetto or chrome://tracing");
}

ReportContext base_context(const RunIdentity& identity, const Session& session) {
  ReportContext context;
  context.program = fmt::format("embedtool {}", identity.program);
  context.model = identity.model;
  context.fingerprint = identity.model_fingerprint;
  context.dims = identity.dims;
  context.dtype = std::string(name_of(identity.dtype));
  context.cpus = available_cpus();
  context.startup_cpu_ns = session.startup_cpu_ns;
  context.settings = identity_settings(identity, IdentityClass::space);
  return context;
}

void publish_report(const ReportFiles& files, const RunReport& report, const std::string& json,
                    const std::string& name, const Session& session) {
  if (files.report.ends_with(".html")) {
    publish_file(files.report, report_page({{name, json}}));
  } else if (!files.report.empty()) {
    publish_file(files.report, json);
  }
  if (!files.trace.empty()) write_trace(files.trace, report, session.start_ns);
}

/// What the figures suggest doing.
void advise(const RunReport& report, std::size_t max_tokens, Console& console) {
  // Cutting one text in fifty loses little; more is worth knowing of.
  if (report.counts.truncated * 50 > report.counts.rows ||
      (report.counts.truncated > 0 && report.counts.rows < 50)) {
    console.warning(
        fmt::format("{} of {} texts were longer than {} tokens and were truncated; --max-length "
                    "sets the limit, --on-long chunk cuts such texts into several rows, --on-long "
                    "skip rejects them",
                    report.counts.truncated, report.counts.rows, max_tokens));
  }
  if (report.counts.rows == 0 && report.counts.rejected == 0 && !report.interrupted) {
    console.warning("the corpus is empty");
  }
}

void summarise(const RunReport& report, std::size_t cpus, Console& console) {
  const std::string table = render_report(report, cpus, console.colours());
  if (console.format() == LogFormat::json) {
    console.note(table.substr(0, table.find('\n')), report_fields(report));
  } else {
    console.block(table);
  }
}

}  // namespace embedtool
