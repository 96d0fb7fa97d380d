#include "formats/report/trace_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string_view>

#include "formats/io/durable_file.hpp"

namespace embedtool {
namespace {

/// Events, separated by commas, written a block at a time. Every name is one of ours and needs no
/// escaping.
class TraceWriter {
 public:
  TraceWriter(DurableFile& file, std::uint64_t origin) : file_(file), origin_(origin) {
    text_ = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
  }

  void name_thread(std::size_t thread, std::string_view name) {
    begin();
    fmt::format_to(
        std::back_inserter(text_),
        R"({{"ph":"M","pid":1,"tid":{},"name":"thread_name","cat":"__metadata","ts":0,"args":{{"name":"{}"}}}})",
        thread, name);
    begin();
    fmt::format_to(
        std::back_inserter(text_),
        R"({{"ph":"M","pid":1,"tid":{},"name":"thread_sort_index","cat":"__metadata","ts":0,"args":{{"sort_index":{}}}}})",
        thread, thread);
  }
  void name_process() {
    begin();
    text_ +=
        R"({"ph":"M","pid":1,"tid":0,"name":"process_name","cat":"__metadata","ts":0,"args":{"name":"embedtool"}})";
  }
  void span(std::size_t thread, std::string_view name, std::string_view category,
            std::uint64_t begin_ns, std::uint64_t end_ns, std::string_view arguments) {
    begin();
    fmt::format_to(
        std::back_inserter(text_),
        R"({{"ph":"X","pid":1,"tid":{},"name":"{}","cat":"{}","ts":{:.3f},"dur":{:.3f},"args":{{{}}}}})",
        thread, name, category, microseconds(begin_ns), double(end_ns - begin_ns) / 1e3, arguments);
  }
  void counter(std::string_view name, double time_us, std::string_view key, double value) {
    begin();
    fmt::format_to(
        std::back_inserter(text_),
        R"({{"ph":"C","pid":1,"tid":0,"name":"{}","cat":"run","ts":{:.3f},"args":{{"{}":{}}}}})",
        name, time_us, key, value);
  }
  void end(std::uint64_t dropped) {
    text_ += fmt::format("\n],\"otherData\":{{\"dropped_events\":{}}}}}\n", dropped);
    file_.write(std::string_view(text_));
    text_.clear();
  }

 private:
  double microseconds(std::uint64_t ns) const {
    return ns < origin_ ? 0 : static_cast<double>(ns - origin_) / 1e3;
  }
  void begin() {
    constexpr std::size_t kBlock = std::size_t{1} << 20U;
    if (text_.size() > kBlock) {
      file_.write(std::string_view(text_));
      text_.clear();
    }
    text_ += first_ ? "" : ",\n";
    first_ = false;
  }

  DurableFile& file_;
  std::uint64_t origin_;
  std::string text_;
  bool first_ = true;
};

void put_lane(TraceWriter& out, std::size_t thread, const TraceLane& lane) {
  for (const TraceTask& task : lane.tasks) {
    const std::string arguments =
        fmt::format(R"("window":{},"texts":{},"tokens":{})", task.window, task.texts, task.tokens);
    out.span(thread, name_of(task.kind), "task", task.begin_ns, task.end_ns, arguments);
  }
  for (const TraceSpan& span : lane.spans) {
    if (span.stage == Stage::idle || span.end_ns == span.begin_ns) continue;  // a gap says it
    out.span(thread, name_of(span.stage), "stage", span.begin_ns, span.end_ns, "");
  }
}

void put_counters(TraceWriter& out, const RunSeries& series) {
  const RunSample* before = nullptr;
  for (const RunSample& sample : series.samples()) {
    const double time = static_cast<double>(sample.time_ns) / 1e3;
    out.counter("memory", time, "MB", static_cast<double>(sample.resident) / 1e6);
    if (before != nullptr && sample.time_ns > before->time_ns) {
      out.counter("throughput", static_cast<double>(before->time_ns) / 1e3, "tokens/s",
                  static_cast<double>(sample.tokens - before->tokens) * 1e9 /
                      static_cast<double>(sample.time_ns - before->time_ns));
    }
    before = &sample;
  }
}

}  // namespace

void write_trace(const std::string& path, const RunReport& report, std::uint64_t origin_ns) {
  const std::filesystem::path file(path);
  const Directory folder(file.has_parent_path() ? file.parent_path().string() : ".", false);
  DurableFile trace(folder, file.filename().string());
  TraceWriter out(trace, origin_ns);
  out.name_process();
  std::uint64_t dropped = 0;
  for (std::size_t i = 0; i < report.times.threads.size(); ++i) {
    const ThreadAccount& thread = report.times.threads[i];
    out.name_thread(i + 1, thread.name);
    put_lane(out, i + 1, thread.lane);
    dropped += thread.lane.dropped;
  }
  put_counters(out, report.times.series);
  out.end(dropped);
  trace.publish();
}

}  // namespace embedtool
