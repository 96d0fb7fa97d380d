// embedtool encode: the main job.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "cli/encode_output.hpp"
#include "cli/flags.hpp"
#include "cli/model_setup.hpp"
#include "cli/render_report.hpp"
#include "cli/shared_flags.hpp"
#include "cli/signals.hpp"
#include "cli/version.hpp"
#include "core/base/memory.hpp"
#include "core/base/threads.hpp"
#include "core/math/kernels.hpp"
#include "core/pipeline/quantize.hpp"
#include "core/pipeline/run.hpp"
#include "formats/builtin_model.hpp"
#include "formats/corpus.hpp"
#include "formats/durable_file.hpp"
#include "formats/rejects.hpp"
#include "formats/report.hpp"

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
  std::string report;
  ComputeFlags compute;
  std::size_t batch_size = BatchLimits{}.texts;
  std::size_t batch_tokens = BatchLimits{}.tokens;
  std::size_t window = RunOptions{}.window.records;
};

void declare_input_extras(CLI::App& app, EncodeFlags& flags) {
  FlagGroup group(app, "Input");
  group.value("--vector-field", flags.vector_field, "NAME",
              "Field that may hold a ready vector, passed through");
  group.list("--keep", flags.keep, "NAME,...", "Fields to carry into the shards")->delimiter(',');
  group.value("--rejects", flags.rejects, "FILE",
              "Where bad records are noted [rejects.jsonl in the output directory]");
}

void declare_work(CLI::App& app, EncodeFlags& flags) {
  FlagGroup group(app, "Work");
  group.count("--batch-size", flags.batch_size, "Texts in a batch")->capture_default_str();
  group.count("--batch-tokens", flags.batch_tokens, "Tokens in a batch, at most")
      ->capture_default_str();
  group.count("--window", flags.window, "Texts held, sorted and put back in order at a time")
      ->capture_default_str();
  declare_compute(app, flags.compute);
}

OnLong parse_on_long(const std::string& word) {
  if (word == "skip") return OnLong::skip;
  return word == "fail" ? OnLong::fail : OnLong::truncate;
}

RunOptions run_options(const EncodeFlags& flags, const ReadyModel& model, Console& console) {
  RunOptions options;
  options.threads = resolve_threads(flags.compute);
  options.batch = {flags.batch_size, flags.batch_tokens};
  options.window.records = flags.window;
  options.max_tokens = model.max_tokens;
  options.on_long = parse_on_long(flags.on_long);
  options.prompt = model.prompt;
  options.stop = &stop_requested();
  if (console.shows_progress()) {
    options.progress = [&console](const RunProgress& p) {
      console.progress(render_progress(p.rows_written, p.tokens_encoded, p.bytes_read,
                                       p.bytes_total, p.elapsed_ns));
    };
  }
  return options;
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
  std::string pooling;
  for (const Pooling mode : model.loaded.head.pooling) {
    pooling += (pooling.empty() ? "" : ",") + std::string(name_of(mode));
  }
  out.emplace_back("pooling", pooling);
  out.emplace_back("normalize", model.loaded.head.normalize ? "true" : "false");
  out.emplace_back("prompt", model.prompt);
  out.emplace_back("max_length", std::to_string(model.max_tokens));
  out.emplace_back("on_long", flags.on_long);
  out.emplace_back("compute", name_of(model.compute));
  return out;
}

OutputSpec output_spec(const EncodeFlags& flags, const OutputPlan& plan, const ReadyModel& model) {
  OutputSpec spec;
  spec.dims = model.encoder->dims();
  spec.type = plan.type;
  spec.multi_vector = model.encoder->multi_vector();
  spec.kept_fields = flags.keep;
  if (plan.type == OutputType::int8) {
    spec.int8_scale =
        calibrate_int8(*model.encoder, model.loaded.tokenizer.get(), model.max_tokens);
  }
  spec.metadata.emplace_back("embedtool", version_string());
  spec.metadata.emplace_back("model", model.loaded.name);
  spec.metadata.emplace_back("model_fingerprint", model.loaded.fingerprint);
  for (const auto& setting : vector_settings(flags, model)) spec.metadata.push_back(setting);
  return spec;
}

/// So that `search` finds the model again from another folder.
std::string absolute_model_path(const std::string& model) {
  std::error_code failed;
  const std::filesystem::path path = std::filesystem::absolute(model, failed);
  return is_builtin_name(model) || failed ? model : path.lexically_normal().string();
}

/// Writes a small file, complete or not at all.
void publish_text(const std::string& path, const std::string& text) {
  const std::filesystem::path file(path);
  const std::string folder = file.has_parent_path() ? file.parent_path().string() : ".";
  Directory(folder, false).publish(file.filename().string(), text);
}

/// Size of a regular file; none for a pipe.
std::optional<std::uint64_t> size_of_input(const std::string& path) {
  std::error_code failed;
  if (path == "-" || !std::filesystem::is_regular_file(path, failed)) return std::nullopt;
  const std::uintmax_t size = std::filesystem::file_size(path, failed);
  return failed ? std::nullopt : std::optional<std::uint64_t>(size);
}

Manifest manifest_of(const EncodeFlags& flags, const CorpusOptions& corpus, const OutputSpec& spec,
                     const ReadyModel& model) {
  Manifest manifest;
  manifest.tool = fmt::format("embedtool {}", version_string());
  manifest.model = model.loaded.fingerprint;
  manifest.settings = vector_settings(flags, model);
  manifest.settings.emplace_back("model", model.loaded.name);
  manifest.settings.emplace_back("model_path", absolute_model_path(flags.model.model));
  manifest.spec = spec;
  for (const std::string& input : corpus.inputs) {
    manifest.inputs.push_back({input, size_of_input(input), ""});
  }
  return manifest;
}

/// What run() cannot know: the whole process's figures and names.
void complete_report(RunReport& report, Session& session, const ReadyModel& model) {
  report.add_thread("main", session.clock.stop());
  report.wall_ns = monotonic_ns() - session.start_ns;
  if (report.first_vector_ns > 0) report.first_vector_ns -= session.start_ns;
  report.process_cpu_ns = process_cpu_ns();
  report.peak_rss = process_memory().peak_resident;
  report.gemm_backend = std::string(model.backend->name());
  report.gemm_kernels = model.backend->kernels(model.compute);
  report.compute = name_of(model.compute);
  report.kernel_isa = kernel_isa();
}

ReportContext report_context(const EncodeFlags& flags, const OutputPlan& plan,
                             const ReadyModel& model, const Session& session) {
  ReportContext context;
  context.program = fmt::format("embedtool {}", version_string());
  context.model = model.loaded.name;
  context.fingerprint = model.loaded.fingerprint;
  context.dims = model.encoder->dims();
  context.dtype = std::string(name_of(plan.type));
  context.cpus = available_cpus();
  context.startup_cpu_ns = session.startup_cpu_ns;
  context.settings = vector_settings(flags, model);
  for (const auto& [name, value] :
       {std::pair<const char*, std::size_t>{"batch_size", flags.batch_size},
        {"batch_tokens", flags.batch_tokens},
        {"window", flags.window}}) {
    context.settings.emplace_back(name, std::to_string(value));
  }
  return context;
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

ExitCode encode(const EncodeFlags& flags, Session& session) {
  const OutputPlan plan = resolve_output(flags.output);
  CorpusOptions corpus = corpus_options(flags);
  session.clock.enter(Stage::load);
  const ReadyModel model = prepare_model(flags.model, flags.compute, "", session.console);
  const OutputSpec spec = output_spec(flags, plan, model);
  session.clock.enter(Stage::other);
  corpus.vocab_size = model.encoder->vocab_size();
  corpus.vector_dims = spec.dims;

  // Inputs that are missing show before the output is touched.
  RejectOptions reject_options;
  reject_options.on_error = resolve_on_error(flags.input);
  reject_options.path = flags.rejects.empty() ? plan.rejects_path() : flags.rejects;
  reject_options.file_names = corpus_file_names(corpus);
  RejectLog rejects(reject_options);
  const std::unique_ptr<DocumentSource> source = open_corpus(corpus, rejects);
  EncodeOutput output(plan, manifest_of(flags, corpus, spec, model));

  RunReport report = run(*source, model.loaded.tokenizer.get(), *model.encoder, spec, output.sink(),
                         rejects, run_options(flags, model, session.console), session.clock);
  rejects.sync();
  session.console.end_progress();
  complete_report(report, session, model);
  const ReportContext context = report_context(flags, plan, model, session);
  const std::string json = report_json(report, context);
  if (!flags.report.empty()) publish_text(flags.report, json);
  if (!report.interrupted) output.complete(report.rows, json);

  report_rejects(rejects, session.console);
  advise(report, model, session.console);
  const std::string table = render_report(report, context.cpus, session.console.colours());
  if (session.console.format() == LogFormat::json) {
    session.console.note(table.substr(0, table.find('\n')));
  } else {
    session.console.block(table);
  }
  if (report.interrupted) {
    session.console.note(fmt::format(
        "stopped by a signal after {} rows{}", report.rows,
        plan.to_stdout() ? "" : "; the output is not complete, --overwrite starts it anew"));
  }
  return ExitCode::ok;
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
  FlagGroup(app, "Output")
      .value("--report", flags->report, "FILE", "Write the report there as well");
  declare_work(app, *flags);
  return [flags](Session& session) { return encode(*flags, session); };
}

}  // namespace embedtool
