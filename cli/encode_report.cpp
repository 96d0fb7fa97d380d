#include "cli/encode_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "cli/flags.hpp"
#include "cli/render_report.hpp"
#include "cli/version.hpp"
#include "core/base/memory.hpp"
#include "core/base/threads.hpp"
#include "core/math/kernels.hpp"
#include "formats/io/publish_file.hpp"
#include "formats/report/report_page.hpp"
#include "formats/report/trace_file.hpp"

namespace embedtool {
namespace {

/// Bytes that an element of the layers' weights takes.
std::size_t weight_size(Compute compute) {
  if (compute == Compute::f32) return sizeof(float);
  return compute == Compute::bf16 ? 2 : 1;
}

/// See RunReport::least_bytes.
double least_bytes(const RunReport& report, const ReadyModel& model) {
  const ModelSpec& spec = model.loaded.spec;
  const double weights =
      model.encoder->linear_flops_per_token() / 2 * static_cast<double>(weight_size(model.compute));
  const auto states = static_cast<double>(spec.hidden * sizeof(float) * (2 * spec.layers + 2));
  return static_cast<double>(report.batches) * weights +
         static_cast<double>(report.tokens) * states;
}

/// The figures that a log is searched for.
LogFields report_fields(const RunReport& report) {
  const double encode_seconds = static_cast<double>(report.encode_wall_ns) / 1e9;
  const auto rate = [encode_seconds](std::uint64_t n) {
    return encode_seconds > 0 ? static_cast<double>(n) / encode_seconds : 0.0;
  };
  return {{"rows", report.rows},
          {"tokens", report.tokens},
          {"rejected", report.rejected},
          {"truncated", report.truncated},
          {"seconds", static_cast<double>(report.wall_ns) / 1e9},
          {"texts_per_second", rate(report.rows)},
          {"tokens_per_second", rate(report.tokens)},
          {"memory_peak_bytes", report.peak_rss},
          {"interrupted", report.interrupted}};
}

}  // namespace

void declare_report(CLI::App& app, ReportFlags& flags) {
  FlagGroup group(app, "Output");
  group.path("--report", flags.report, "FILE",
              "Write the report there as well: a page to look at when it ends in .html, else JSON");
  group.path("--trace", flags.trace, "FILE",
              "Write what every thread did when, for Perfetto or chrome://tracing");
}

void complete_report(RunReport& report, Session& session, const ReadyModel& model,
                     const PerfCounters& counters) {
  session.clock.stop();
  TraceLane* const lane = session.clock.lane();
  report.add_thread("main", session.clock, lane == nullptr ? TraceLane{} : std::move(*lane));
  report.wall_ns = monotonic_ns() - session.start_ns;
  if (report.first_vector_ns > 0) report.first_vector_ns -= session.start_ns;
  report.process_cpu_ns = process_cpu_ns();
  const ProcessMemory memory = process_memory();
  report.peak_rss = memory.peak_resident;
  report.rss_file = memory.resident_file;
  report.rss_anonymous = memory.resident - std::min(memory.resident, memory.resident_file);
  report.counters = counters.read();
  report.least_bytes = least_bytes(report, model);
  report.gemm_backend = std::string(model.backend->name());
  report.gemm_kernels = model.backend->kernels(model.compute);
  report.compute = name_of(model.compute);
  report.kernel_isa = kernel_isa();
}

void add_peaks(RunReport& report, const ReadyModel& model, bool wanted, std::uint64_t may_use) {
  // Measuring takes some 0.2 s: a hundredth of this.
  constexpr std::uint64_t kLongRun = 20'000'000'000;
  constexpr std::size_t kReadBuffer = std::size_t{128} << 20U;  // larger than the caches
  if (!wanted && report.encode_wall_ns < kLongRun) {
    report.peaks_why_not =
        "measuring the machine takes longer than so short a run is worth; "
        "--report FILE asks for it";
    return;
  }
  const bool room = may_use == 0 || report.peak_rss + kReadBuffer < may_use;
  if (!room) report.peaks_why_not = "too little memory is allowed to measure the memory's speed";
  try {
    report.peaks = measure_peaks(*model.backend, model.compute,
                                 std::max<std::size_t>(report.workers, 1), room ? kReadBuffer : 0);
  } catch (const std::exception&) {  // memory or threads: no reason to fail a run whose vectors are
                                     // all written
    report.peaks_why_not = "there was too little memory left, or no thread, to measure the machine";
  }
}

ReportContext base_context(const ReadyModel& model, OutputType type, const Session& session) {
  ReportContext context;
  context.program = fmt::format("embedtool {}", version_string());
  context.model = model.loaded.name;
  context.fingerprint = model.loaded.fingerprint;
  context.dims = model.encoder->dims();
  context.dtype = std::string(name_of(type));
  context.cpus = available_cpus();
  context.startup_cpu_ns = session.startup_cpu_ns;
  return context;
}

void publish_report(const ReportFlags& flags, const RunReport& report, const std::string& json,
                    const std::string& name, const Session& session) {
  if (flags.report.ends_with(".html")) {
    publish_file(flags.report, report_page({{name, json}}));
  } else if (!flags.report.empty()) {
    publish_file(flags.report, json);
  }
  if (!flags.trace.empty()) write_trace(flags.trace, report, session.start_ns);
}

/// What the figures suggest doing.
void advise(const RunReport& report, const ReadyModel& model, Console& console) {
  // Cutting one text in fifty loses little; more is worth knowing of.
  if (report.truncated * 50 > report.rows || (report.truncated > 0 && report.rows < 50)) {
    console.warning(fmt::format(
        "{} of {} texts were longer than {} tokens and were cut; --max-length sets the limit, "
        "--on-long skip leaves such texts out",
        report.truncated, report.rows, model.max_tokens));
  }
  if (report.rows == 0 && report.rejected == 0) console.warning("the corpus is empty");
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
