#include "cli/render_report.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "cli/render.hpp"
#include "core/base/human.hpp"
#include "core/base/stage_groups.hpp"

namespace embedtool {
namespace {

constexpr double kNsPerSecond = 1e9;

double per_second(double amount, std::uint64_t ns) {
  return ns == 0 ? 0 : amount * kNsPerSecond / static_cast<double>(ns);
}

std::string rate(double per_second) {
  return human_count(static_cast<std::uint64_t>(per_second + 0.5));
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "0 %";
  return fmt::format("{:.1f} %", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string stage_table(const RunReport& report) {
  std::uint64_t total = 0;
  for (const StageTotals& stage : report.times.stages) total += stage.cpu_ns;
  Table table({Table::Align::left, Table::Align::right, Table::Align::right, Table::Align::left});
  constexpr std::size_t kBarWidth = 30;
  for (const StageGroup& group : kStageGroups) {
    std::uint64_t cpu = 0;
    for (const Stage stage : group.stages()) cpu += report.times.stages[stage].cpu_ns;
    if (total == 0 || cpu * 2000 < total) continue;  // below 0.05 %
    std::string bar;
    const std::uint64_t cells = (cpu * kBarWidth + total / 2) / total;
    for (std::uint64_t i = 0; i < cells; ++i) bar += "█";
    table.row({std::string(group.title), human_seconds(static_cast<double>(cpu) / kNsPerSecond),
               percent(cpu, total), std::move(bar)});
  }
  return table.text(2);
}

/// "; 3 rejected, 12 cut": only what happened.
std::string remarks(const RunReport& report) {
  std::string out;
  const auto add = [&out](std::uint64_t n, const char* what) {
    if (n > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", human_count(n), what);
  };
  add(report.counts.rejected, "rejected");
  add(report.counts.truncated, "truncated at the length limit");
  add(report.counts.duplicates, "copied from identical texts");
  add(report.counts.ready_vectors, "ready vectors");
  add(report.counts.reused, "reused from an earlier output");
  add(report.counts.checked, "checked against it");
  add(report.counts.recovered, "computed before the run was stopped");
  return out;
}

std::string chunks_line(const ChunkCounts& chunks) {
  std::string out = fmt::format("{} of {}", human_count(chunks.chunks),
                                human_count(chunks.documents, "document"));
  if (chunks.overlap_tokens > 0) {
    out += fmt::format("; {} read twice in overlaps", human_count(chunks.overlap_tokens, "token"));
  }
  if (chunks.prefix_tokens > 0) {
    out += fmt::format("; {} of prefixes", human_count(chunks.prefix_tokens, "token"));
  }
  return out;
}

std::string padding_line(const PaddingAccount& padding) {
  const auto added = [&padding](std::uint64_t computed) {
    return percent(computed > padding.real ? computed - padding.real : 0, padding.real);
  };
  return fmt::format("{} (sorted and padded {}, arrival order {})", added(padding.actual),
                     added(padding.sorted), added(padding.arrival));
}

}  // namespace

std::string render_report(const RunReport& report, std::size_t cpus, bool colours) {
  const char* bold = colours ? "\033[1m" : "";
  const char* plain = colours ? "\033[0m" : "";
  const std::uint64_t busy = report.times.encode_wall_ns;
  std::string out =
      fmt::format("{}{} in {}{}, encoded at {} texts/s, {} tokens/s", bold,
                  human_count(report.counts.rows, "vector"),
                  human_seconds(static_cast<double>(report.times.wall_ns) / kNsPerSecond), plain,
                  rate(per_second(static_cast<double>(report.counts.rows), busy)),
                  rate(per_second(static_cast<double>(report.counts.tokens), busy)));
  const double flops = report.work.linear_flops + report.work.attention_flops;
  if (flops > 0) out += fmt::format(", {:.0f} GFLOP/s", per_second(flops, busy) / 1e9);
  out += "\n";
  if (const std::string text = remarks(report); !text.empty()) out += fmt::format("  {}\n", text);

  out += fmt::format("\n{}\n", stage_table(report));

  Table facts({Table::Align::left, Table::Align::left});
  if (report.chunks) facts.row({"chunks", chunks_line(*report.chunks)});
  if (report.work.padding.real > 0) facts.row({"padding", padding_line(report.work.padding)});
  facts.row({"memory", fmt::format("{} peak; weights {}, workspaces {}, windows {}",
                                   human_bytes(report.memory.peak_rss),
                                   human_bytes(report.memory.weights_bytes),
                                   human_bytes(report.memory.workspace_bytes),
                                   human_bytes(report.memory.window_bytes))});
  facts.row({"bytes",
             fmt::format("{} in, {} out ({} uncompressed)", human_bytes(report.counts.bytes_read),
                         human_bytes(report.counts.bytes_written),
                         human_bytes(report.counts.bytes_raw))});
  facts.row(
      {"cpu", fmt::format("{} of {}; {}, {} ({}), {}",
                          percent(report.times.process_cpu_ns, report.times.wall_ns * cpus),
                          human_count(cpus, "CPU"), human_count(report.machine.workers, "worker"),
                          report.machine.gemm_backend, report.machine.gemm_kernels,
                          report.machine.kernel_isa)});
  return out + facts.text(2);
}

std::string render_progress(std::uint64_t rows, std::uint64_t tokens, std::uint64_t bytes_read,
                            std::uint64_t bytes_total, std::uint64_t elapsed_ns) {
  std::string out = fmt::format("{} texts  {} texts/s  {} tokens/s", human_count(rows),
                                rate(per_second(static_cast<double>(rows), elapsed_ns)),
                                rate(per_second(static_cast<double>(tokens), elapsed_ns)));
  if (bytes_total == 0 || bytes_read == 0) return out;
  const std::uint64_t done = std::min(bytes_read, bytes_total);
  const double left_ns = static_cast<double>(elapsed_ns) * static_cast<double>(bytes_total - done) /
                         static_cast<double>(done);
  return out + fmt::format("  {}  {} left", percent(done, bytes_total),
                           human_seconds(left_ns / kNsPerSecond));
}

}  // namespace embedtool
