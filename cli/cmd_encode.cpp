// embedtool encode: the main job.
#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "cli/dry_run.hpp"
#include "cli/early_checks.hpp"
#include "cli/encode_job.hpp"
#include "cli/encode_run.hpp"
#include "cli/encode_setup.hpp"
#include "cli/metrics_file.hpp"
#include "cli/signals.hpp"
#include "core/base/error.hpp"
#include "core/base/perf_counters.hpp"
#include "formats/corpus/input_list.hpp"
#include "formats/io/publish_file.hpp"
#include "formats/output/output_link.hpp"
#include "formats/output/run_output.hpp"
#include "formats/output/unit_output.hpp"

namespace embedtool {
namespace {

/// A part of loading the model; charges what its helper threads did to the account as well.
class LoadingStage {
 public:
  explicit LoadingStage(StageClock& clock) : clock_(clock) { clock_.enter(Stage::load); }
  ~LoadingStage() {
    const std::uint64_t all = process_cpu_ns() - process_;
    clock_.charge_cpu(Stage::load, all - std::min(all, thread_cpu_ns() - own_));
    clock_.enter(Stage::other);
  }
  LoadingStage(const LoadingStage&) = delete;
  LoadingStage& operator=(const LoadingStage&) = delete;

 private:
  StageClock& clock_;
  const std::uint64_t process_ = process_cpu_ns();
  const std::uint64_t own_ = thread_cpu_ns();
};

template <typename Action>
auto as_loading(Session& session, Action&& action) {
  const LoadingStage loading(session.clock);
  return action();
}

/// A list as typed, or from the file that it names.
std::optional<std::vector<UnitSpan>> read_units(const std::string& word) {
  constexpr std::size_t kLargestList = std::size_t{16} << 20U;
  if (word.empty()) return std::nullopt;
  if (!word.starts_with('@')) return parse_unit_list("--units", word);
  const std::string path = word.substr(1);
  const auto text = read_file(path, kLargestList);
  if (!text) throw Error(ExitCode::failed, "--units {}: there is no such file", word);
  return parse_unit_list("--units " + word, *text);
}

/// The whole output, or a part of it.
std::unique_ptr<EncodeOutput> make_output(const EncodeJob& job, RejectLog& rejects,
                                          Console& console) {
  if (!job.part) {
    auto output = std::make_unique<RunOutput>(job.output, rejects, stop_requested());
    if (!output->locked()) {
      console.note(
          fmt::format("{}: its file system has no locks: see to it that no other run writes there",
                      job.output.path));
    }
    return output;
  }
  const ArrayPlace place = find_place(job.part->wish, environment_variable);
  UnitOutputOptions options;
  options.plan = job.output;
  options.choice = {place.part, place.parts, read_units(job.part->units), job.part->unit_bytes};
  options.note = [&console](const std::string& text) { console.note(text); };
  options.warn = [&console](const std::string& text) { console.warning(text); };
  return std::make_unique<UnitOutput>(std::move(options), job.corpus, rejects);
}

/// A run that encodes nothing measures nothing.
void note_unwritten(const EncodeJob& job, Console& console) {
  for (const auto& [option, path] : {std::pair{"--report", &job.report.report},
                                     {"--trace", &job.report.trace},
                                     {"--changes", &job.nightly.changes}}) {
    if (path->empty()) continue;
    console.note(fmt::format("{} {}: not written, since nothing was encoded", option, *path));
  }
}

ExitCode encode(EncodeJob& job, Session& session, MetricsFile& metrics) {
  const PerfCounters counters;
  TraceLane lane;
  if (job.run.trace) session.clock.record(&lane);
  RunIdentity identity = job.identity;
  check_destination("--report", job.report.report);
  check_destination("--trace", job.report.trace);
  check_folder("--tmp-dir", job.scratch);
  check_nightly_places(job.nightly, job.output);
  if (!job.nightly.link.empty()) identity.link = absolute_link(job.nightly.link);
  if (!job.part && job.rejects.path != job.output.rejects_path()) {
    check_rejects_file(job.rejects.path);
  }
  // Missing inputs show here, before the output is touched.
  find_inputs(job.corpus, session.console);
  name_files(job.rejects, job.corpus);
  identity.inputs = entries_of(*job.corpus.files);
  ChosenModel chosen =
      as_loading(session, [&] { return choose_model(job.model, job.compute, session.console); });
  check_sparse(identity, chosen.shape.kind);
  metrics.set_model(chosen.loaded.name);

  // Whether there is anything to do, and whether it may be done, is known before a weight is read.
  RejectLog rejects(job.rejects);
  const std::unique_ptr<EncodeOutput> output = make_output(job, rejects, session.console);
  as_loading(session, [&] { take_fingerprint(chosen, output->before()); });
  describe_in(identity, chosen, job.model);
  size_chunks(job, chosen, identity);
  EarlierOutputs earlier =
      open_reuse(job.reuse, job.output, job.nightly.link, identity, session.console);
  if (const auto nothing_to_do = output->compare(identity, *job.corpus.files)) {
    session.console.note(*nothing_to_do);
    note_unwritten(job, session.console);
    publish_nightly(job.nightly, job.output, session.console);
    return ExitCode::ok;
  }
  refuse_own_rows(job.reuse, job.output);
  const ReadyModel model = as_loading(session, [&] { return load_weights(std::move(chosen)); });
  bool complete = false;
  try {
    complete = run_encode(job, identity, model, std::move(earlier), *output, rejects,
                          {session, metrics, counters});
  } catch (const Error&) {
    if (!output->overtaken()) throw;
    session.console.note(fmt::format(
        "{}: was completed and merged meanwhile; nothing is left to do", job.output.path));
  }
  if (complete) publish_nightly(job.nightly, job.output, session.console);
  return ExitCode::ok;
}

/// Encodes, and lets the metrics file know how it ended.
ExitCode encode_monitored(EncodeJob& job, Session& session) {
  MetricsFile metrics(job.metrics_file, job.output_name, session.console);
  try {
    const ExitCode code = encode(job, session, metrics);
    metrics.finish(stop_signal() != 0 ? 128 + stop_signal() : static_cast<int>(code));
    return code;
  } catch (const Error& e) {
    metrics.finish(stop_signal() != 0 ? 128 + stop_signal() : static_cast<int>(e.code()));
    throw;
  } catch (...) {
    metrics.finish(static_cast<int>(ExitCode::failed));
    throw;
  }
}

}  // namespace

RunCommand declare_encode(CLI::App& app) {
  const auto flags = std::make_shared<EncodeFlags>();
  declare_encode_flags(app, *flags);
  return [flags](Session& session) {
    EncodeJob job = resolve(*flags);
    if (job.implied_stdin) refuse_terminal();
    if (job.dry_run) return dry_run(job, session);
    check_destination("--metrics-file", job.metrics_file);
    return encode_monitored(job, session);
  };
}

}  // namespace embedtool
