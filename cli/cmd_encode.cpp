// embedtool encode: the main job.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "cli/encode_output.hpp"
#include "cli/encode_report.hpp"
#include "cli/flags.hpp"
#include "cli/metrics_file.hpp"
#include "cli/model_setup.hpp"
#include "cli/render.hpp"
#include "cli/render_report.hpp"
#include "cli/shared_flags.hpp"
#include "cli/signals.hpp"
#include "cli/version.hpp"
#include "cli/work_flags.hpp"
#include "core/base/memory.hpp"
#include "core/base/perf_counters.hpp"
#include "core/base/threads.hpp"
#include "core/math/kernels.hpp"
#include "core/pipeline/memory_plan.hpp"
#include "core/pipeline/quantize.hpp"
#include "core/pipeline/run.hpp"
#include "formats/corpus/corpus.hpp"
#include "formats/io/bytes.hpp"
#include "formats/model/builtin_model.hpp"
#include "formats/model/model_description.hpp"
#include "formats/output/rejects.hpp"
#include "formats/report/report.hpp"

namespace embedtool {
namespace {

/// As typed.
struct EncodeFlags {
  InputFlags input;
  std::string vector_field;
  std::vector<std::string> keep;
  std::string rejects;
  ModelFlags model;
  std::string on_long = "truncate";
  OutputFlags output;
  ReportFlags report;
  std::string metrics_file;
  ComputeFlags compute;
  WorkFlags work;
};

void declare_input_extras(CLI::App& app, EncodeFlags& flags) {
  FlagGroup group(app, "Input");
  group.value("--vector-field", flags.vector_field, "NAME",
              "Field that may hold a ready vector, passed through");
  group.list("--keep", flags.keep, "NAME,...", "Fields to carry into the shards")->delimiter(',');
  group.path("--rejects", flags.rejects, "FILE",
              "Where bad records are noted [rejects.jsonl in the output directory]");
}

OnLong parse_on_long(const std::string& word) {
  if (word == "skip") return OnLong::skip;
  return word == "fail" ? OnLong::fail : OnLong::truncate;
}

void show_progress(const RunProgress& p, Console& console) {
  console.progress(
      render_progress(p.rows_written, p.tokens_encoded, p.bytes_read, p.bytes_total, p.elapsed_ns),
      {{"rows", p.rows_written},
       {"tokens", p.tokens_encoded},
       {"bytes_read", p.bytes_read},
       {"bytes_total", p.bytes_total},
       {"seconds", static_cast<double>(p.elapsed_ns) / 1e9}});
}

RunOptions run_options(const EncodeFlags& flags, const ReadyModel& model, Console& console,
                       MetricsFile& metrics) {
  RunOptions options;
  options.threads = resolve_threads(flags.compute);
  options.pin = flags.compute.pin;
  apply_work(flags.work, options);
  options.max_tokens = model.max_tokens;
  options.on_long = parse_on_long(flags.on_long);
  options.prompt = model.prompt;
  options.stop = &stop_requested();
  options.progress = [&console, &metrics](const RunProgress& p) {
    metrics.update(p);
    if (console.shows_progress()) show_progress(p, console);
  };
  return options;
}

/// The memory to stay within, in bytes; 0 = no limit.
std::uint64_t resolve_memory_limit(const EncodeFlags& flags) {
  return flags.work.memory_limit.empty() ? cgroup_memory()
                                         : parse_size("--memory-limit", flags.work.memory_limit);
}

/// What a process with this model holds before its run: what is resident now, and what the texts
/// will touch of the mapped weights, which were released once they had been read.
std::uint64_t resident_model(const ReadyModel& model) {
  constexpr std::uint64_t kProgram = std::uint64_t{16} << 20U;
  return std::max(process_memory().resident, kProgram + model.encoder->owned_bytes()) +
         model.encoder->borrowed_bytes();
}

/// Sizes the run's memory before any work starts: settings shrink until they fit the limit.
void plan_memory(const EncodeFlags& flags, std::uint64_t limit, const ReadyModel& model,
                 const OutputPlan& plan, const OutputSpec& spec, RunOptions& options,
                 CorpusOptions& corpus, Console& console) {
  if (limit == 0) return;
  const std::uint64_t fixed = resident_model(model) + plan.row_group_bytes;
  const RunOptions wanted = options;
  const std::size_t wanted_line = corpus.max_line_bytes;
  // A line limit that was asked for is kept: it decides what is a record.
  constexpr std::size_t kLeastLine = std::size_t{64} << 10U;
  const std::size_t least_line = flags.input.max_line.empty() ? kLeastLine : wanted_line;
  const MemoryNeed need =
      fit_memory(options, corpus.max_line_bytes, least_line, *model.encoder, spec, fixed, limit);
  options.batch_memory = need.workspaces;
  console.detail(fmt::format("memory: {} of {} at most", need.total(), limit));
  const bool shrunk = options.batch.tokens != wanted.batch.tokens ||
                      options.window.records != wanted.window.records ||
                      options.threads != wanted.threads || corpus.max_line_bytes != wanted_line;
  if (!shrunk) return;
  console.note(
      fmt::format("to stay within {} of memory: batches of {} tokens, windows of {} texts, {} "
                  "workers, lines of "
                  "up to {}",
                  human_bytes(limit), options.batch.tokens, options.window.records, options.threads,
                  human_bytes(corpus.max_line_bytes)));
}

CorpusOptions corpus_options(const EncodeFlags& flags) {
  CorpusOptions options = resolve_input(flags.input, stop_requested());
  options.keep = flags.keep;
  options.vector_field = flags.vector_field;
  return options;
}

/// Settings that decide what the vectors are, for the manifest and the report.
std::vector<std::pair<std::string, std::string>> vector_settings(const EncodeFlags& flags,
                                                                 const ReadyModel& model) {
  std::vector<std::pair<std::string, std::string>> out;
  const LoadedModel& loaded = model.loaded;
  if (loaded.head_name != "dense") out.emplace_back("head", loaded.head_name);
  if (model.encoder->kind() == RowKind::sparse) {
    out.emplace_back("kept_tokens", std::to_string(loaded.head.dims));
  } else {
    std::string pooling;
    for (const Pooling mode : loaded.head.pooling) {
      pooling += (pooling.empty() ? "" : ",") + std::string(name_of(mode));
    }
    out.emplace_back("pooling", pooling);
    out.emplace_back("normalize", loaded.head.normalize ? "true" : "false");
  }
  out.emplace_back("prompt", model.prompt);
  if (!model.role.empty()) out.emplace_back("role", model.role);
  out.emplace_back("max_length", std::to_string(model.max_tokens));
  out.emplace_back("on_long", flags.on_long);
  out.emplace_back("compute", name_of(model.compute));
  return out;
}

/// A sparse output has rows of its own kind.
void check_sparse(const EncodeFlags& flags, const OutputPlan& plan, const ReadyModel& model) {
  if (model.encoder->kind() != RowKind::sparse) return;
  if (plan.format == "npy") {
    throw Error(ExitCode::usage,
                "--to npy: this head gives weights of tokens, which npy has no place for; use "
                "parquet or jsonl");
  }
  if (plan.type != OutputType::f32) {
    throw Error(ExitCode::usage, "--dtype {}: weights of tokens are written as f32",
                name_of(plan.type));
  }
  if (!flags.vector_field.empty()) {
    throw Error(ExitCode::usage,
                "--vector-field: this head gives weights of tokens, no vectors that ready ones "
                "could stand beside");
  }
}

OutputSpec output_spec(const EncodeFlags& flags, const OutputPlan& plan, const ReadyModel& model) {
  OutputSpec spec;
  spec.dims = model.encoder->dims();
  spec.type = plan.type;
  spec.kind = model.encoder->kind();
  if (spec.kind == RowKind::sparse) spec.tokens = token_names(model);
  spec.kept_fields = flags.keep;
  spec.metadata.emplace_back("embedtool", version_string());
  spec.metadata.emplace_back("model", model.loaded.name);
  spec.metadata.emplace_back("model_fingerprint", model.loaded.fingerprint);
  for (const auto& setting : vector_settings(flags, model)) spec.metadata.push_back(setting);
  return spec;
}

/// Settings that decide what becomes of the input: with vector_settings(), what two runs must have
/// in common to write the same bytes.
Settings row_settings(const CorpusOptions& corpus, const OutputPlan& plan,
                      const ReadyModel& model) {
  return {{"format", corpus.format.empty() ? "auto" : corpus.format},
          {"text_field", fmt::format("{}", fmt::join(corpus.text_fields, ","))},
          {"join", corpus.joiner},
          {"id_field", corpus.id_field},
          {"vector_field", corpus.vector_field},
          {"quotes", corpus.quotes ? "true" : "false"},
          {"duplicate_ids", corpus.unique_ids ? "reject" : "keep"},
          {"max_line", std::to_string(corpus.max_line_bytes)},
          {"shard_rows", std::to_string(plan.shard_rows)},
          {"row_group", std::to_string(plan.row_group_bytes)},
          // Another backend or instruction set rounds otherwise.
          {"gemm",
           fmt::format("{} ({})", model.backend->name(), model.backend->kernels(model.compute))},
          {"isa", std::string(kernel_isa())}};
}

/// So that `search` finds the model again from another folder.
std::string absolute_model_path(const std::string& model) {
  std::error_code failed;
  const std::filesystem::path path = std::filesystem::absolute(model, failed);
  return is_builtin_name(model) || failed ? model : path.lexically_normal().string();
}

/// Missing inputs show here, before the output is touched.
std::vector<InputEntry> inspect_inputs(const std::vector<std::string>& names) {
  std::vector<InputEntry> inputs;
  for (const std::string& name : names) {
    const InputFacts facts = inspect_input(name);
    InputEntry& input = inputs.emplace_back();
    input.name = name;
    if (!facts.regular) continue;
    input.bytes = facts.size;
    input.modified_ns = facts.modified_ns;
  }
  return inputs;
}

Manifest manifest_of(const EncodeFlags& flags, const OutputPlan& plan, const CorpusOptions& corpus,
                     const OutputSpec& spec, const ReadyModel& model) {
  Manifest manifest;
  manifest.tool = fmt::format("embedtool {}", version_string());
  manifest.model = model.loaded.fingerprint;
  manifest.settings = vector_settings(flags, model);
  manifest.settings.emplace_back("model", model.loaded.name);
  manifest.settings.emplace_back("model_path", absolute_model_path(flags.model.model));
  for (auto& setting : row_settings(corpus, plan, model)) {
    manifest.settings.push_back(std::move(setting));
  }
  manifest.spec = spec;
  manifest.inputs = inspect_inputs(corpus.inputs);
  return manifest;
}

/// The same and those that decide how fast the vectors came, for the report.
Settings all_settings(const EncodeFlags& flags, const RunOptions& options,
                      const ReadyModel& model) {
  Settings settings = vector_settings(flags, model);
  for (const auto& [name, value] :
       {std::pair<const char*, std::size_t>{"batch_tokens", options.batch.tokens},
        {"window", options.window.records}}) {
    settings.emplace_back(name, std::to_string(value));
  }
  settings.emplace_back("batch_size",
                        options.auto_batch ? "auto" : std::to_string(options.batch.texts));
  settings.emplace_back("optimize", flags.work.optimize);
  return settings;
}

/// Inputs that changed under the run: what was read of them is in the output, and may be a mixture.
void warn_of_changes(const std::vector<InputEntry>& before, Console& console) {
  for (const InputEntry& input : before) {
    if (!input.modified_ns) continue;
    const InputFacts now = inspect_input(input.name);
    if (now.modified_ns == *input.modified_ns) continue;
    console.warning(
        fmt::format("{}: changed while it was read; the output holds what was there "
                    "at the time",
                    input.name));
  }
}

/// Everything that a run needs, opened: from here on only the work itself is left.
struct Job {
  const EncodeFlags& flags;
  Session& session;
  const OutputPlan& plan;
  const ReadyModel& model;
  MetricsFile& metrics;
  OutputSpec spec;
  Manifest manifest;
  const RunOptions& options;
  RejectLog& rejects;
  CorpusSource& source;
  const PerfCounters& counters;
  std::uint64_t memory_limit = 0;
};

ExitCode run_job(Job& job, EncodeOutput& output) {
  Session& session = job.session;
  Console& console = session.console;
  if (job.plan.type == OutputType::int8) {
    job.spec.int8_scale =
        calibrate_int8(*job.model.encoder, job.model.loaded.tokenizer.get(), job.model.max_tokens);
  }
  output.open(job.spec, job.rejects);
  output.resume(job.source, job.rejects);
  if (output.resumed_shards() > 0) {
    console.note(fmt::format("going on after {} rows in {} shards that an earlier run has left",
                             output.resumed_rows(), output.resumed_shards()));
  }

  RunReport report = run(job.source, job.model.loaded.tokenizer.get(), *job.model.encoder, job.spec,
                         output.sink(), job.rejects, job.options, session.clock);
  if (!report.interrupted) {
    const SourceProgress progress = job.source.progress();
    job.rejects.finish(progress.records + progress.rejected);
  }
  console.end_progress();
  complete_report(report, session, job.model, job.counters);
  job.metrics.set_report(report);
  ReportContext context = base_context(job.model, job.plan.type, session);
  context.settings = all_settings(job.flags, job.options, job.model);
  context.duplicate_ids = job.source.progress().duplicate_ids;
  context.all_ids_known = job.source.progress().all_ids_known;
  context.resumed_shards = output.resumed_shards();
  context.resumed_rows = output.resumed_rows();
  add_peaks(report, job.model, !job.flags.report.report.empty(), job.memory_limit);
  const std::string json = report_json(report, context);
  publish_report(job.flags.report, report, json, job.flags.output.output, session);
  if (!report.interrupted) {
    warn_of_changes(job.manifest.inputs, console);
    report_empty_inputs(job.source, console);
    output.complete(job.source.digests(), json);
  }

  report_rejects(job.rejects, console);
  advise(report, job.model, console);
  if (context.duplicate_ids > 0 && job.flags.input.duplicate_ids == "keep") {
    console.warning(
        fmt::format("{}{} records have an id that another had before; --duplicate-ids "
                    "reject leaves them out",
                    context.all_ids_known ? "" : "at least ", context.duplicate_ids));
  }
  summarise(report, context.cpus, console);
  if (report.interrupted) {
    console.note(fmt::format("stopped by a signal; {}", job.plan.to_stdout()
                                                            ? "the output is not complete"
                                                            : output.progress_kept()));
  }
  return ExitCode::ok;
}

/// Loads the model and charges what its helper threads did to the account as well.
ReadyModel load_accounted(const EncodeFlags& flags, Session& session) {
  session.clock.enter(Stage::load);
  const std::uint64_t process = process_cpu_ns();
  const std::uint64_t own = thread_cpu_ns();
  ComputeFlags compute = flags.compute;
  apply_preset(flags.work, compute);
  ReadyModel model = prepare_model(flags.model, compute, "", session.console);
  const std::uint64_t all = process_cpu_ns() - process;
  session.clock.charge_cpu(Stage::load, all - std::min(all, thread_cpu_ns() - own));
  session.clock.enter(Stage::other);
  return model;
}

ExitCode encode(const EncodeFlags& flags, Session& session, MetricsFile& metrics) {
  const PerfCounters counters;
  OutputFlags output_flags = flags.output;
  apply_preset(flags.work, output_flags);
  const OutputPlan plan = resolve_output(output_flags);
  CorpusOptions corpus = corpus_options(flags);
  TraceLane lane;
  if (!flags.report.trace.empty()) session.clock.record(&lane);
  const ReadyModel model = load_accounted(flags, session);
  check_sparse(flags, plan, model);
  metrics.set_model(model.loaded.name);
  const OutputSpec spec = output_spec(flags, plan, model);
  corpus.vocab_size = model.encoder->vocab_size();
  corpus.vector_dims = spec.dims;

  RunOptions options = run_options(flags, model, session.console, metrics);
  const std::uint64_t limit = resolve_memory_limit(flags);
  plan_memory(flags, limit, model, plan, spec, options, corpus, session.console);
  options.trace = !flags.report.trace.empty();

  RejectOptions reject_options = resolve_rejects(flags.input, corpus);
  reject_options.path = flags.rejects.empty() ? plan.rejects_path() : flags.rejects;
  RejectLog rejects(reject_options);
  // Inputs that are missing show before the output is touched.
  const Manifest manifest = manifest_of(flags, plan, corpus, spec, model);
  const std::unique_ptr<CorpusSource> source = open_corpus(corpus, rejects);
  EncodeOutput output(plan, manifest);
  if (const auto rows = output.up_to_date(stop_requested())) {
    session.console.note(
        fmt::format("{}: up to date with {} rows; nothing to do (--overwrite "
                    "encodes again)",
                    plan.path, *rows));
    return ExitCode::ok;
  }
  Job job{flags,    session, plan,    model,   metrics,  spec,
          manifest, options, rejects, *source, counters, limit};
  try {
    return run_job(job, output);
  } catch (const Error&) {
    session.console.end_progress();
    if (const std::string kept = output.progress_kept(); !kept.empty()) session.console.note(kept);
    throw;
  }
}

/// Encodes, and lets the metrics file know how it ended.
ExitCode encode_monitored(const EncodeFlags& flags, Session& session) {
  MetricsFile metrics(flags.metrics_file, flags.output.output, session.console);
  try {
    const ExitCode code = encode(flags, session, metrics);
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
  declare_input(app, flags->input);
  declare_input_extras(app, *flags);
  declare_model(app, flags->model);
  FlagGroup(app, "Model")
      .choice("--on-long", flags->on_long, {"truncate", "skip", "fail"},
              "What becomes of a text longer than the limit")
      ->capture_default_str();
  declare_output(app, flags->output);
  FlagGroup output(app, "Output");
  declare_report(app, flags->report);
  output.path("--metrics-file", flags->metrics_file, "FILE",
               "Keep figures for Prometheus there, from start to end");
  declare_work(app, flags->work);
  declare_threads(app, flags->compute);
  declare_compute(app, flags->compute);
  return [flags](Session& session) { return encode_monitored(*flags, session); };
}

}  // namespace embedtool
