#include "formats/report/report_sections.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/base/stage_groups.hpp"

namespace embedtool {
namespace {

using Json = nlohmann::ordered_json;

/// To four significant digits after the point, null where it has no meaning.
Json number(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::round(value * 1e4) / 1e4;
}

Json ratio(double a, double b) {
  return b > 0 ? number(a / b) : Json();
}

double ms(std::uint64_t ns) {
  return std::round(static_cast<double>(ns) / 1e3) / 1e3;
}

Json optional(const std::optional<std::uint64_t>& value) {
  return value ? Json(*value) : Json();
}

/// A thread's share of each slot in every lane, in percent; idle is what is left.
Json thread_lanes(const Timeline& timeline) {
  Json out = Json::object();
  for (const StageGroup& group : kStageGroups) {
    Json slots = Json::array();
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < timeline.used(); ++i) {
      std::uint64_t ns = 0;
      for (const Stage stage : group.stages()) {
        if (stage == Stage::idle) continue;  // what the lanes leave
        ns += timeline.slot(i)[static_cast<std::size_t>(stage)];
      }
      sum += ns;
      slots.push_back(
          std::round(1000.0 * static_cast<double>(ns) / static_cast<double>(timeline.slot_ns())) /
          10);
    }
    if (sum > 0) out[group.name] = std::move(slots);
  }
  return out;
}

Json limits(const BatchLimits& batch) {
  return {{"texts", batch.texts}, {"tokens", batch.tokens}};
}

Json tuner_steps(const std::vector<TunerStep>& steps) {
  Json out = Json::array();
  for (const TunerStep& step : steps) {
    out.push_back({{"step", name_of(step.kind)},
                   {"window", step.window},
                   {"from", limits(step.from)},
                   {"to", limits(step.to)},
                   {"gain_percent", number(100 * step.gain)},
                   {"noise_percent", number(100 * step.noise)}});
  }
  return out;
}

}  // namespace

Json memory_section(const RunReport& report) {
  const std::uint64_t known =
      report.memory.weights_bytes + report.memory.workspace_bytes + report.memory.window_bytes;
  Json samples = Json::array();
  for (const RunSample& sample : report.times.series.samples()) {
    samples.push_back({{"ms", ms(sample.time_ns)},
                       {"resident", sample.resident},
                       {"file", sample.resident_file}});
  }
  const double predicted = static_cast<double>(report.memory.workspace_predicted);
  return {{"peak_rss", report.memory.peak_rss},
          {"weights", report.memory.weights_bytes},
          {"workspace", report.memory.workspace_bytes},
          {"workspace_predicted", report.memory.workspace_predicted},
          {"workspace_error_percent",
           ratio(100 * (predicted - static_cast<double>(report.memory.workspace_bytes)),
                 static_cast<double>(report.memory.workspace_bytes))},
          {"windows", report.memory.window_bytes},
          {"mapped_files", report.memory.rss_file},
          {"rest", report.memory.rss_anonymous > known ? report.memory.rss_anonymous - known : 0},
          {"over_time", std::move(samples)}};
}

Json accounting_section(const RunReport& report, std::uint64_t startup_cpu_ns) {
  std::uint64_t cpu = startup_cpu_ns;
  for (const StageTotals& stage : report.times.stages) cpu += stage.cpu_ns;
  std::uint64_t main_wall = 0;
  for (const ThreadAccount& thread : report.times.threads) {
    if (thread.name != "main") continue;
    for (const StageTotals& stage : thread.stages) main_wall += stage.wall_ns;
  }
  const auto missing = [](std::uint64_t whole, std::uint64_t explained) {
    const double w = static_cast<double>(whole);
    return ratio(100 * std::abs(w - static_cast<double>(explained)), w);
  };
  return {{"cpu_stages_ms", ms(cpu)},
          {"cpu_unexplained_percent", missing(report.times.process_cpu_ns, cpu)},
          {"wall_main_ms", ms(main_wall)},
          {"wall_unexplained_percent", missing(report.times.wall_ns, main_wall)}};
}

Json roofline_section(const RunReport& report) {
  const double encode = static_cast<double>(report.times.encode_wall_ns) / 1e9;
  const double flops = report.work.linear_flops + report.work.attention_flops;
  const MachinePeaks& peaks = report.machine.peaks;
  Json out{{"flops", flops},
           {"least_bytes", report.work.least_bytes},
           {"flops_per_byte", ratio(flops, report.work.least_bytes)},
           {"gflops", ratio(flops / 1e9, encode)},
           {"gbytes_per_second", ratio(report.work.least_bytes / 1e9, encode)}};
  const bool measured = peaks.gemm_flops > 0;
  // The least time in which this machine could have done it, were it limited by nothing else.
  const double compute = measured ? report.work.linear_flops / peaks.gemm_flops +
                                        report.work.attention_flops / peaks.f32_flops
                                  : 0;
  const double memory = peaks.read_bytes > 0 ? report.work.least_bytes / peaks.read_bytes : 0;
  const double limit = std::max(compute, memory);
  out["peak_gflops"] = measured ? number(peaks.gemm_flops / 1e9) : Json();
  out["peak_gflops_f32"] = measured ? number(peaks.f32_flops / 1e9) : Json();
  out["peak_gbytes_per_second"] = peaks.read_bytes > 0 ? number(peaks.read_bytes / 1e9) : Json();
  out["limit"] = !measured ? Json() : Json(compute >= memory ? "compute" : "memory");
  out["of_limit_percent"] = measured ? ratio(100 * limit, encode) : Json();
  out["why_not"] =
      report.machine.peaks_why_not.empty() ? Json() : Json(report.machine.peaks_why_not);
  return out;
}

Json counters_section(const PerfCounts& counters) {
  Json per_cycle;
  if (counters.instructions && counters.cycles) {
    per_cycle =
        ratio(static_cast<double>(*counters.instructions), static_cast<double>(*counters.cycles));
  }
  return {{"instructions", optional(counters.instructions)},
          {"cycles", optional(counters.cycles)},
          {"cache_misses", optional(counters.cache_misses)},
          {"instructions_per_cycle", per_cycle},
          {"why_not", counters.why_not.empty() ? Json() : Json(counters.why_not)}};
}

Json batching_section(const RunReport& report) {
  Json sample = Json::array();
  for (const BatchSample& batch : report.work.batches.samples) {
    if (batch.window > 0) continue;  // one window is a picture, more are a blur
    sample.push_back({{"texts", batch.texts},
                      {"shortest", batch.shortest},
                      {"longest", batch.longest},
                      {"tokens", batch.tokens},
                      {"ms", ms(batch.wall_ns)}});
  }
  return {{"texts", report.work.limits.texts},
          {"tokens", report.work.limits.tokens},
          {"tuner", tuner_steps(report.work.tuning)},
          {"first_window", std::move(sample)}};
}

Json timeline_section(const RunReport& report) {
  std::vector<ThreadAccount> threads = report.times.threads;
  std::uint64_t slot_ns = 0;
  for (const ThreadAccount& thread : threads)
    slot_ns = std::max(slot_ns, thread.timeline.slot_ns());
  Json lanes_of = Json::array();
  for (ThreadAccount& thread : threads) {
    thread.timeline.widen_to(slot_ns);
    lanes_of.push_back({{"name", thread.name}, {"percent", thread_lanes(thread.timeline)}});
  }
  Json progress = Json::array();
  for (const RunSample& sample : report.times.series.samples()) {
    progress.push_back(
        {{"ms", ms(sample.time_ns)}, {"tokens", sample.tokens}, {"rows", sample.rows}});
  }
  return {{"slot_ms", ms(slot_ns)}, {"threads", lanes_of}, {"progress", progress}};
}

}  // namespace embedtool
