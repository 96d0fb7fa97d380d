#include "formats/report/metrics.hpp"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <initializer_list>
#include <string>
#include <utility>

#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

constexpr std::string_view kLastSuccess = "embedtool_last_success_timestamp_seconds";

/// Label values may hold any bytes but these three, which are escaped; what is not UTF-8 would make
/// the reader drop the whole file, so bytes outside ASCII pass only in whole characters.
std::string escape(std::string_view value) {
  std::string out;
  for (std::size_t at = 0; at < value.size(); ++at) {
    const auto c = static_cast<unsigned char>(value[at]);
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else if (c < 0x80) {
      out += value[at];
    } else {
      const std::size_t more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
      bool whole = c >= 0xC2 && c < 0xF5 && at + more < value.size();
      for (std::size_t i = 1; whole && i <= more; ++i) {
        whole = unicode::is_continuation(value[at + i]);
      }
      out += whole ? value.substr(at, more + 1) : std::string_view("?");
      if (whole) at += more;
    }
  }
  return out;
}

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// Samples of one file. A family's HELP and TYPE stand once, before its first sample.
class MetricsWriter {
 public:
  explicit MetricsWriter(std::string_view output) : output_(escape(output)) {}

  void family(std::string_view name, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# HELP {} {}\n# TYPE {} gauge\n", name, help, name);
  }
  void sample(double value, Labels labels = {}) {
    if (!std::isfinite(value)) return;
    std::string all = fmt::format("output=\"{}\"", output_);
    for (const auto& [key, word] : labels) all += fmt::format(",{}=\"{}\"", key, escape(word));
    text_ += fmt::format("{}{{{}}} {}\n", name_, all, value);
  }
  void gauge(std::string_view name, std::string_view help, double value) {
    family(name, help);
    sample(value);
  }
  void gauge(std::string_view name, std::string_view help, std::uint64_t value) {
    gauge(name, help, static_cast<double>(value));
  }
  std::string take() { return std::move(text_); }

 private:
  std::string output_;
  std::string name_;
  std::string text_;
};

double seconds(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

void put_state(MetricsWriter& out, const RunMetrics& m) {
  out.family("embedtool_run_info", "Program and model of these figures; always 1.");
  out.sample(1, {{"version", m.program}, {"model", m.model}});
  out.gauge("embedtool_run_active", "1 during a run, 0 after it has ended.", m.active ? 1.0 : 0.0);
  out.gauge("embedtool_run_start_timestamp_seconds", "Start time of the latest run.", m.started);
  out.gauge("embedtool_run_updated_timestamp_seconds", "Time when this file was written.",
            m.updated);
  if (m.last_success) {
    out.gauge(kLastSuccess, "Time when a run last ended with status 0.", *m.last_success);
  }
  if (!m.active) out.gauge("embedtool_run_exit_code", "Exit status.", double(m.exit_code));
  out.gauge("embedtool_run_duration_seconds", "Wall time of the run so far.",
            m.updated - m.started);
}

void put_progress(MetricsWriter& out, const RunProgress& p) {
  out.gauge("embedtool_run_records", "Records read.", p.records_read);
  out.gauge("embedtool_run_rows", "Rows written.", p.rows_written);
  out.gauge("embedtool_run_tokens", "Tokens encoded.", p.tokens_encoded);
  out.gauge("embedtool_run_read_bytes", "Input bytes read.", p.bytes_read);
  if (p.bytes_total > 0) {
    out.gauge("embedtool_run_input_bytes", "Total input bytes.", p.bytes_total);
  }
}

void put_changes(MetricsWriter& out, const ChangeCounts& c) {
  out.gauge("embedtool_run_inserted_rows", "Inserts in the feed of changes.", c.inserted);
  out.gauge("embedtool_run_updated_rows", "Updates in the feed of changes.", c.updated);
  out.gauge("embedtool_run_deleted_rows", "Deletes in the feed of changes.", c.deleted);
  out.gauge("embedtool_run_unchanged_rows", "Rows without a change.", c.unchanged);
  out.gauge("embedtool_run_ambiguous_ids", "Ids with several rows that are not the same.",
            c.ambiguous);
}

void put_report(MetricsWriter& out, const RunReport& r) {
  out.gauge("embedtool_run_records", "Records read.", r.counts.records);
  out.gauge("embedtool_run_rows", "Rows written.", r.counts.rows);
  out.gauge("embedtool_run_tokens", "Tokens encoded.", r.counts.tokens);
  out.gauge("embedtool_run_read_bytes", "Input bytes read.", r.counts.bytes_read);
  out.gauge("embedtool_run_written_bytes", "Bytes written to the output.", r.counts.bytes_written);
  out.gauge("embedtool_run_rejected_records", "Records that could not be used.", r.counts.rejected);
  out.gauge("embedtool_run_truncated_rows", "Texts truncated at the length limit.",
            r.counts.truncated);
  out.gauge("embedtool_run_duplicate_rows", "Rows copied from the row of an identical text.",
            r.counts.duplicates);
  out.gauge("embedtool_run_reused_rows", "Rows copied from an earlier output.", r.counts.reused);
  out.gauge("embedtool_run_checked_rows",
            "Rows of an earlier output that were encoded again and compared.", r.counts.checked);
  out.gauge("embedtool_run_recovered_rows",
            "Texts whose row a run had computed that was stopped before its shard was complete.",
            r.counts.recovered);
  out.gauge("embedtool_run_encoded_texts", "Texts that were encoded.", r.counts.encoded);
  if (r.changes) put_changes(out, *r.changes);
  out.gauge("embedtool_run_encode_seconds", "Wall time from first record to last row.",
            seconds(r.times.encode_wall_ns));
  out.gauge("embedtool_run_cpu_seconds", "CPU time of the process.",
            seconds(r.times.process_cpu_ns));
  out.gauge("embedtool_run_memory_peak_bytes", "Peak resident memory.", r.memory.peak_rss);
  out.gauge("embedtool_run_interrupted", "1 when a signal stopped the run.",
            r.interrupted ? 1.0 : 0.0);
  out.family("embedtool_run_stage_cpu_seconds", "CPU time of a stage over all threads.");
  for (std::size_t i = 0; i < kStageCount; ++i) {
    const auto stage = static_cast<Stage>(i);
    out.sample(seconds(r.times.stages[stage].cpu_ns), {{"stage", name_of(stage)}});
  }
}

}  // namespace

std::string metrics_text(const RunMetrics& metrics) {
  MetricsWriter out(metrics.output);
  put_state(out, metrics);
  if (metrics.report) {
    put_report(out, *metrics.report);
  } else {
    put_progress(out, metrics.progress);
  }
  return out.take();
}

std::optional<double> last_success_in(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t space = line.rfind(' ');
    if (!line.starts_with(kLastSuccess) || space == std::string_view::npos) continue;
    double value = 0;
    const char* end = line.data() + line.size();
    const auto [stopped, error] = std::from_chars(line.data() + space + 1, end, value);
    if (error == std::errc() && stopped == end && std::isfinite(value) && value > 0) return value;
  }
  return std::nullopt;
}

}  // namespace embedtool
