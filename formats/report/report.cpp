#include "formats/report/report.hpp"

#include "formats/report/report_page.hpp"
#include "formats/report/report_sections.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/stage_groups.hpp"

namespace embedtool {
namespace {

using Json = nlohmann::ordered_json;

/// Milliseconds to the microsecond: short to read, exact enough to add up.
double ms(std::uint64_t ns) {
  return std::round(static_cast<double>(ns) / 1e3) / 1e3;
}

double seconds(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

/// a / b to four significant decimals, null where that has no meaning.
Json ratio(double a, double b) {
  if (!(b > 0) || !std::isfinite(a / b)) return nullptr;
  return std::round(a / b * 1e4) / 1e4;
}

Json quantiles(const DurationHistogram& histogram) {
  return {{"p50", ms(histogram.quantile(0.5))},
          {"p90", ms(histogram.quantile(0.9))},
          {"p99", ms(histogram.quantile(0.99))},
          {"count", histogram.count()}};
}

Json stage_entry(const StageTotals& totals) {
  return {{"wall_ms", ms(totals.wall_ns)},
          {"cpu_ms", ms(totals.cpu_ns)},
          {"calls", totals.calls},
          {"p50_ms", ms(totals.per_call.quantile(0.5))},
          {"p90_ms", ms(totals.per_call.quantile(0.9))},
          {"p99_ms", ms(totals.per_call.quantile(0.99))},
          {"batch_ms", totals.per_batch.count() == 0 ? Json() : quantiles(totals.per_batch)}};
}

Json stages_entry(const RunReport& report, const ReportContext& context) {
  StageTotals startup;
  startup.wall_ns = startup.cpu_ns = context.startup_cpu_ns;
  startup.calls = 1;
  startup.per_call.add(context.startup_cpu_ns);
  Json out{{"startup", stage_entry(startup)}};
  for (std::size_t i = 0; i < kStageCount; ++i) {
    const auto stage = static_cast<Stage>(i);
    out[name_of(stage)] = stage_entry(report.times.stages[stage]);
  }
  return out;
}

/// Which stages are shown as one, for the page and for who reads this file.
Json stage_groups_entry() {
  Json out = Json::array(
      {{{"name", "startup"}, {"title", "program start"}, {"stages", Json::array({"startup"})}}});
  for (const StageGroup& group : kStageGroups) {
    Json stages = Json::array();
    for (const Stage stage : group.stages()) stages.push_back(name_of(stage));
    out.push_back({{"name", group.name}, {"title", group.title}, {"stages", std::move(stages)}});
  }
  return out;
}

Json threads_entry(const RunReport& report) {
  Json out = Json::array();
  for (const ThreadAccount& thread : report.times.threads) {
    std::uint64_t wall = 0;
    std::uint64_t cpu = 0;
    Json stages = Json::object();
    for (std::size_t i = 0; i < kStageCount; ++i) {
      const auto stage = static_cast<Stage>(i);
      const StageTotals& totals = thread.stages[stage];
      wall += totals.wall_ns;
      cpu += totals.cpu_ns;
      if (totals.calls == 0) continue;
      stages[name_of(stage)] = {{"wall_ms", ms(totals.wall_ns)}, {"cpu_ms", ms(totals.cpu_ns)}};
    }
    out.push_back({{"name", thread.name},
                   {"wall_ms", ms(wall)},
                   {"cpu_ms", ms(cpu)},
                   {"idle_ms", ms(thread.stages[Stage::idle].wall_ns)},
                   {"stages", std::move(stages)}});
  }
  return out;
}

Json histogram_entry(const SizeHistogram& histogram) {
  Json out = Json::array();
  for (std::size_t k = 0; k < histogram.counts.size(); ++k) {
    if (histogram.counts[k] == 0) continue;
    out.push_back({{"from", LogBuckets::begin(k)},
                   {"to", LogBuckets::end(k)},
                   {"count", histogram.counts[k]}});
  }
  return out;
}

Json padding_entry(const PaddingAccount& padding) {
  const auto added = [&padding](std::uint64_t computed) {
    const auto real = static_cast<double>(padding.real);
    return ratio(100 * (static_cast<double>(computed) - real), real);
  };
  return {{"real", padding.real},
          {"arrival", padding.arrival},
          {"sorted", padding.sorted},
          {"actual", padding.actual},
          {"arrival_percent", added(padding.arrival)},
          {"sorted_percent", added(padding.sorted)},
          {"actual_percent", added(padding.actual)}};
}

Json counts_entry(const RunReport& report) {
  return {{"texts", report.counts.records},         {"rows", report.counts.rows},
          {"rejected", report.counts.rejected},     {"truncated", report.counts.truncated},
          {"duplicates", report.counts.duplicates}, {"ready_vectors", report.counts.ready_vectors},
          {"reused", report.counts.reused},         {"checked", report.counts.checked},
          {"recovered", report.counts.recovered},   {"encoded", report.counts.encoded},
          {"tokens", report.counts.tokens},         {"batches", report.counts.batches},
          {"windows", report.counts.windows}};
}

Json changes_entry(const ChangeCounts& changes) {
  return {{"inserted", changes.inserted},
          {"updated", changes.updated},
          {"deleted", changes.deleted},
          {"unchanged", changes.unchanged},
          {"ambiguous", changes.ambiguous}};
}

Json chunks_entry(const ChunkCounts& chunks) {
  return {{"documents", chunks.documents},
          {"chunks", chunks.chunks},
          {"overlap_tokens", chunks.overlap_tokens},
          {"prefix_tokens", chunks.prefix_tokens},
          {"lengths", histogram_entry(chunks.lengths)},
          {"per_document", histogram_entry(chunks.per_document)}};
}

void add_times(Json& out, const RunReport& report, const ReportContext& context) {
  const auto cpu_of = [&report](Stage stage) { return ms(report.times.stages[stage].cpu_ns); };
  out["tokenization_ms"] = cpu_of(Stage::tokenize);
  out["tensor_conversion_ms"] = cpu_of(Stage::batch);
  out["model_inference_ms"] = ms(inference_cpu_ns(report.times.stages));
  out["pooling_ms"] = cpu_of(Stage::pool);
  out["normalization_ms"] = cpu_of(Stage::normalize);
  out["total_ms"] = ms(report.times.wall_ns);
  out["encode_ms"] = ms(report.times.encode_wall_ns);
  out["first_vector_ms"] = ms(report.times.first_vector_ns);
  out["cpu_ms"] = ms(report.times.process_cpu_ns);

  const double encode = seconds(report.times.encode_wall_ns);
  out["texts_per_second"] = ratio(static_cast<double>(report.counts.rows), encode);
  out["tokens_per_second"] = ratio(static_cast<double>(report.counts.tokens), encode);
  out["gflops"] = {
      {"linear", ratio(report.work.linear_flops / 1e9, encode)},
      {"attention", ratio(report.work.attention_flops / 1e9, encode)},
      {"total", ratio((report.work.linear_flops + report.work.attention_flops) / 1e9, encode)}};
  out["memory_peak_mb"] = static_cast<double>(report.memory.peak_rss) / 1e6;
  out["cpu_utilization_percent"] =
      ratio(100 * seconds(report.times.process_cpu_ns),
            seconds(report.times.wall_ns) * static_cast<double>(context.cpus));
  out["gpu_utilization_percent"] = nullptr;
}

}  // namespace

std::uint64_t inference_cpu_ns(const StageTable& stages) {
  std::uint64_t sum = 0;
  for (const Stage stage :
       {Stage::lookup, Stage::gemm, Stage::attention, Stage::elementwise, Stage::head}) {
    sum += stages[stage].cpu_ns;
  }
  return sum;
}

std::string report_json(const RunReport& report, const ReportContext& context) {
  Json out;
  out["schema"] = kReportSchema;
  out["program"] = context.program;
  out["model"] = {{"name", context.model},
                  {"fingerprint", context.fingerprint},
                  {"dims", context.dims},
                  {"dtype", context.dtype}};
  out["settings"] = Json::object();
  for (const auto& [name, value] : context.settings) out["settings"][name] = value;
  out["interrupted"] = report.interrupted;
  out["resumed"] = {{"shards", context.resumed_shards}, {"rows", context.resumed_rows}};
  add_times(out, report, context);
  out["counts"] = counts_entry(report);
  out["counts"]["duplicate_ids"] = context.duplicate_ids;
  out["counts"]["duplicate_ids_exact"] = context.all_ids_known;
  out["changes"] = report.changes ? changes_entry(*report.changes) : Json();
  out["chunks"] = report.chunks ? chunks_entry(*report.chunks) : Json();
  out["stages"] = stages_entry(report, context);
  out["stage_groups"] = stage_groups_entry();
  out["batch_ms"] = quantiles(report.work.batches.wall);
  out["threads"] = threads_entry(report);
  out["padding"] = padding_entry(report.work.padding);
  out["lengths"] = histogram_entry(report.work.text_lengths);
  out["batch_texts"] = histogram_entry(report.work.batches.texts);
  out["batch_tokens"] = histogram_entry(report.work.batches.tokens);
  out["bytes"] = {{"in", report.counts.bytes_read},
                  {"unpacked", report.counts.bytes_unpacked},
                  {"out", report.counts.bytes_written},
                  {"raw", report.counts.bytes_raw},
                  {"compression_ratio", ratio(static_cast<double>(report.counts.bytes_raw),
                                              static_cast<double>(report.counts.bytes_written))}};
  out["memory"] = memory_section(report);
  out["accounting"] = accounting_section(report, context.startup_cpu_ns);
  out["roofline"] = roofline_section(report);
  out["counters"] = counters_section(report.machine.counters);
  out["batching"] = batching_section(report);
  out["timeline"] = timeline_section(report);
  out["advice"] = report_advice(report, context.cpus);
  out["compute"] = {
      {"precision", report.machine.compute},    {"backend", report.machine.gemm_backend},
      {"kernels", report.machine.gemm_kernels}, {"isa", report.machine.kernel_isa},
      {"workers", report.machine.workers},      {"cpus", context.cpus}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace embedtool
