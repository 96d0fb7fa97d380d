// What a run's figures suggest: each rule looks at one of them and stays silent when all is well.
#include <fmt/core.h>

#include <algorithm>

#include "formats/report/report_sections.hpp"

namespace embedtool {
namespace {

double percent(double part, double whole) {
  return whole > 0 ? 100 * part / whole : 0;
}

double cpu(const RunReport& report, Stage stage) {
  return static_cast<double>(report.times.stages[stage].cpu_ns);
}

/// Wall time that a thread was in a stage, of threads whose names begin so.
double wall(const RunReport& report, std::string_view name, Stage stage) {
  double sum = 0;
  for (const ThreadAccount& thread : report.times.threads) {
    if (!std::string_view(thread.name).starts_with(name)) continue;
    sum += static_cast<double>(thread.stages[stage].wall_ns);
  }
  return sum;
}

/// A short run says more about starting than about going on.
constexpr double kShortSeconds = 1.0;

/// Workers that waited: for whom?
void judge_waiting(const RunReport& report, std::vector<std::string>& out) {
  const auto workers = static_cast<double>(report.machine.workers);
  const auto encode = static_cast<double>(report.times.encode_wall_ns);
  const double idle = percent(wall(report, "worker", Stage::idle), workers * encode);
  if (idle < 15 || encode < kShortSeconds * 1e9) return;
  const double reader = percent(wall(report, "reader", Stage::read), encode);
  const double writer =
      percent(wall(report, "writer", Stage::write) + wall(report, "writer", Stage::sync), encode);
  if (reader > 70) {
    out.push_back(
        fmt::format("Workers waited {:.0f} % of the time for input; reading took {:.0f} % of the "
                    "time. Store the corpus uncompressed or as .zst instead of .gz, use a faster "
                    "disk, or use fewer --threads.",
                    idle, reader));
  } else if (writer > 70) {
    out.push_back(fmt::format(
        "Workers waited {:.0f} % of the time while results were written ({:.0f} % of the time). "
        "Use a faster disk, or write less with --dtype f16 or int8, or --dims N.",
        idle, writer));
  } else if (report.counts.windows < 4) {
    out.push_back(
        fmt::format("Workers waited {:.0f} % of the time: the corpus has only {} window(s). With a "
                    "smaller --window, reading, encoding and writing overlap sooner.",
                    idle, report.counts.windows));
  }
}

void judge_precision(const RunReport& report, std::vector<std::string>& out) {
  double busy = 0;
  for (std::size_t i = 0; i < kStageCount; ++i) {
    const auto stage = static_cast<Stage>(i);
    if (stage != Stage::idle) busy += static_cast<double>(report.times.stages[stage].cpu_ns);
  }
  const double gemm = percent(cpu(report, Stage::gemm), busy);
  if (gemm > 40 && report.machine.compute == "f32") {
    out.push_back(
        fmt::format("{:.0f} % of the CPU time goes to matrix products in f32. On a CPU with the "
                    "instructions, --compute bf16 or int8 makes them two to three times as fast, "
                    "at a cost in accuracy. embedtool tune measures both on your corpus.",
                    gemm));
  }
  const double attention = percent(cpu(report, Stage::attention), busy);
  if (attention > 35) {
    out.push_back(fmt::format(
        "{:.0f} % of the CPU time goes to attention, which grows with the square of the text "
        "length. A smaller --max-length, or splitting texts into passages, saves most of it.",
        attention));
  }
  const double tokenizing = percent(cpu(report, Stage::tokenize), busy);
  if (tokenizing > 40) {
    out.push_back(
        fmt::format("{:.0f} % of the CPU time goes to tokenizing. A corpus that is encoded "
                    "repeatedly can store its input_ids (embedtool tokenize).",
                    tokenizing));
  }
}

void judge_machine(const RunReport& report, std::size_t cpus, std::vector<std::string>& out) {
  if (report.machine.workers > 0 && report.machine.workers < cpus) {
    out.push_back(fmt::format("{} of {} CPUs had a worker; --threads {} uses all of them.",
                              report.machine.workers, cpus, cpus));
  }
  if (report.machine.gemm_backend == "reference" && report.work.linear_flops > 0) {
    out.emplace_back(
        "The slow reference backend was used: no other supports these --gemm, --isa and --compute "
        "options here.");
  }
  const double load =
      percent(cpu(report, Stage::load), static_cast<double>(report.times.process_cpu_ns));
  if (load > 30) {
    out.push_back(
        fmt::format("Loading the model took {:.0f} % of the CPU time. Give one run more inputs "
                    "instead of starting one run per file.",
                    load));
  }
}

void judge_texts(const RunReport& report, std::vector<std::string>& out) {
  if (report.counts.rows > 0 && report.counts.duplicates * 5 > report.counts.rows) {
    out.push_back(
        fmt::format("{:.0f} % of the texts were identical to another in the same window and cost "
                    "nothing. A larger --window finds more of them.",
                    percent(double(report.counts.duplicates), double(report.counts.rows))));
  }
  if (report.counts.rows > 0 && report.counts.truncated * 10 > report.counts.rows) {
    out.push_back(
        fmt::format("{:.0f} % of the texts were truncated at the length limit; the rest of those "
                    "texts is not reflected in their vectors.",
                    percent(double(report.counts.truncated), double(report.counts.rows))));
  }
}

}  // namespace

std::vector<std::string> report_advice(const RunReport& report, std::size_t cpus) {
  std::vector<std::string> out;
  judge_waiting(report, out);
  judge_machine(report, cpus, out);
  judge_precision(report, out);
  judge_texts(report, out);
  return out;
}

}  // namespace embedtool
