// embedtool tune: what is fastest here, with this model and these texts.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "cli/early_checks.hpp"
#include "cli/flags.hpp"
#include "cli/model_setup.hpp"
#include "cli/render.hpp"
#include "cli/shared_flags.hpp"
#include "cli/signals.hpp"
#include "cli/stdout_writer.hpp"
#include "cli/tune_render.hpp"
#include "core/base/threads.hpp"
#include "core/math/gemm_backends.hpp"
#include "core/math/kernels.hpp"
#include "core/pipeline/tune_session.hpp"
#include "formats/corpus/corpus.hpp"
#include "formats/io/publish_file.hpp"
#include "formats/output/rejects.hpp"

namespace embedtool {
namespace {

constexpr BlockLimits kBlock{1024, std::size_t{8} << 20U};
/// The sample is drawn from so many times its size, from the corpus' beginning.
constexpr std::size_t kPool = 16;

struct TuneFlags {
  InputFlags input;
  ModelFlags model;
  std::string compute = "bf16";
  std::string gemm = "auto";
  std::string isa = "auto";
  std::size_t threads = 0;
  std::size_t sample = 1024;
  std::string budget = "60s";
  double min_cosine = 0.999;
  std::string output;
  bool json = false;
};

/// Draws texts from a stream so that each has the same chance (Vitter's algorithm R), and keeps
/// their token ids.
class Reservoir {
 public:
  Reservoir(const ReadyModel& model, std::size_t size)
      : model_(model), size_(size), settings_(token_settings(model)), feed_(settings_) {}

  void offer(const DocumentBlock& block, const Record& record, const std::string& where) {
    if (record.kind == RecordKind::vector) return;
    const std::size_t at = seen_++;
    std::size_t slot = at;
    if (at >= size_) {
      slot = std::uniform_int_distribution<std::size_t>(0, at)(random_);
      if (slot >= size_) return;
    } else {
      kept_.emplace_back();
    }
    tokenize(block, record, where, kept_[slot]);
  }

  std::size_t seen() const { return seen_; }
  /// In any order, so that the first of them are a sample as well.
  TokenSample sample() {
    std::shuffle(kept_.begin(), kept_.end(), random_);
    TokenSample out;
    for (const std::vector<TokenId>& ids : kept_) out.add(ids);
    return out;
  }

 private:
  void tokenize(const DocumentBlock& block, const Record& record, const std::string& where,
                std::vector<TokenId>& ids) {
    if (record.kind == RecordKind::text && settings_.tokenizer == nullptr) {
      throw Error(ExitCode::usage, "{}:{}: the record is a text, but {} has no tokenizer", where,
                  record.line, model_.loaded.name);
    }
    ids.clear();
    feed_.append(block, record, ids);
  }

  const ReadyModel& model_;
  const std::size_t size_;
  const TokenSettings settings_;
  TokenFeed feed_;
  std::mt19937_64 random_{1};  // the same texts every time
  std::vector<std::vector<TokenId>> kept_;
  std::size_t seen_ = 0;
};

TokenSample draw_sample(const TuneFlags& flags, const ReadyModel& model, Console& console) {
  if (implies_stdin(flags.input)) refuse_terminal();
  CorpusOptions corpus = resolve_input(flags.input);
  corpus.vocab_size = model.encoder->vocab_size();
  find_inputs(corpus, console);
  RejectOptions reject_options = resolve_rejects(flags.input);
  name_files(reject_options, corpus);
  RejectLog rejects(std::move(reject_options));
  const std::unique_ptr<CorpusSource> source = open_corpus(corpus, rejects);
  Reservoir reservoir(model, flags.sample);
  DocumentBlock block;
  while (!stop_requested() && reservoir.seen() < kPool * flags.sample &&
         source->read(block, kBlock)) {
    for (const Record& record : block.records) {
      reservoir.offer(block, record, source->file_name(record.file));
    }
  }
  if (!stop_requested()) {
    const SourceProgress progress = source->progress();
    rejects.finish(progress.records + progress.rejected);
  }
  report_rejects(rejects, console);
  TokenSample sample = reservoir.sample();
  if (!stop_requested() && (sample.size() == 0 || sample.tokens(sample.size()) == 0)) {
    throw Error(ExitCode::failed, "the corpus has no texts to measure with");
  }
  return sample;
}

std::vector<std::string> words_of(const std::string& list) {
  std::vector<std::string> words;
  std::istringstream in(list);
  for (std::string word; std::getline(in, word, ',');) words.push_back(word);
  if (words.empty()) words.emplace_back();  // is refused by name
  return words;
}

/// The precisions that are named and that this CPU has instructions for.
std::vector<Compute> resolve_precisions(const TuneFlags& flags, Console& console) {
  std::vector<Compute> out;
  for (const std::string& word : words_of(flags.compute)) {
    const auto compute = parse_named<Compute>(word, "--compute:");
    if (compute == Compute::f32) continue;  // the reference, always measured
    if (std::find(out.begin(), out.end(), compute) != out.end()) continue;
    if (has_kernels(compute)) {
      out.push_back(compute);
    } else {
      console.note(
          fmt::format("this CPU has no instructions for {}: skipping it", name_of(compute)));
    }
  }
  return out;
}

std::vector<const GemmBackend*> resolve_backends(const TuneFlags& flags) {
  std::vector<const GemmBackend*> out;
  const auto all = gemm_backends();
  if (flags.gemm == "auto") {
    for (const GemmBackend* backend : all.first(all.size() - 1)) out.push_back(backend);
    return out;
  }
  for (const std::string& word : words_of(flags.gemm)) {
    out.push_back(&select_gemm(word, Compute::f32));
  }
  return out;
}

std::uint64_t median_length(const TokenSample& sample) {
  std::vector<std::uint32_t> lengths = sample.lengths(sample.size());
  const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 2);
  std::nth_element(lengths.begin(), middle, lengths.end());
  return *middle;
}

TuneSubject subject_of(const TuneFlags& flags, const ReadyModel& model, const TokenSample& sample) {
  TuneSubject subject;
  subject.model = model.loaded.name;
  subject.model_path = lasting_model_path(model.loaded, flags.model.model);
  subject.inputs = implies_stdin(flags.input) ? "standard input"
                   : flags.input.inputs.empty()
                       ? flags.input.files_from
                       : one_line(fmt::format("{}", fmt::join(flags.input.inputs, ", ")), 60);
  subject.texts = sample.size();
  subject.median_tokens = median_length(sample);
  subject.cpus = available_cpus();
  subject.isa = std::string(kernel_isa());
  subject.min_cosine = flags.min_cosine;
  return subject;
}

/// Before a minute of measuring: settings that somebody wrote by hand are not replaced.
void check_output(const std::string& path) {
  constexpr std::size_t kLargest = std::size_t{1} << 20U;
  if (path.empty() || path == "-") return;
  check_destination("-o", path);
  const auto before = read_file(path, kLargest);
  if (before && !before->empty() && !before->starts_with(kTuneMark)) {
    throw Error(ExitCode::usage,
                "{}: already exists and was not written by tune; choose another name", path);
  }
}

ExitCode tune(const TuneFlags& flags, Console& console) {
  check_output(flags.output);
  TunePlan plan;
  plan.seconds = parse_duration("--budget", flags.budget);
  ComputeChoice compute;
  compute.isa = flags.isa;
  const ReadyModel model = load_weights(choose_model(resolve_model(flags.model), compute, console));
  if (model.encoder->kind() == RowKind::sparse) {
    throw Error(ExitCode::usage, "tune compares vectors, but {} gives token weights",
                model.loaded.name);
  }
  plan.precisions = resolve_precisions(flags, console);
  plan.backends = resolve_backends(flags);
  plan.threads = flags.threads > 0 ? flags.threads : available_cpus();
  plan.min_cosine = flags.min_cosine;
  const TokenSample sample = draw_sample(flags, model, console);
  if (stop_requested()) return ExitCode::ok;

  const TuneSubject subject = subject_of(flags, model, sample);
  console.detail(fmt::format("measuring {} texts for {}", sample.size(), flags.budget));
  const TuneModel measured{model.loaded.spec, model.loaded.head, *model.loaded.weights,
                           *model.backend, *model.encoder};
  TuneSession session(measured, sample, std::move(plan), stop_requested());
  const std::optional<TuneResult> result = session.run();
  if (!result) return ExitCode::ok;
  if (result->short_of_time) {
    console.note("there was not enough time to compare everything three times; raise --budget");
  }
  StdoutWriter out;
  const std::string config = tune_config(*result, subject);
  if (flags.output == "-") {
    console.block(render_tune(*result, subject));
    out.write(config);
  } else {
    out.write(flags.json ? tune_json(*result, subject) : render_tune(*result, subject));
  }
  out.flush();
  if (!flags.output.empty() && flags.output != "-") {
    publish_file(flags.output, config);
    console.note(
        fmt::format("{}: written; embedtool encode --config {}", flags.output, flags.output));
  }
  return ExitCode::ok;
}

}  // namespace

RunCommand declare_tune(CLI::App& app) {
  const auto flags = std::make_shared<TuneFlags>();
  declare_input(app, flags->input);
  declare_model(app, flags->model);
  FlagGroup group(app, "Measuring");
  group
      .value("--compute", flags->compute, "WORD,...",
             "Precisions to measure in addition to f32: bf16, int8")
      .shows_default();
  group.value("--gemm", flags->gemm, "NAME,...", "Matrix backends to measure; auto: all fast ones")
      .shows_default();
  group.value("--isa", flags->isa, "NAME", "Force an instruction set for the kernels")
      .shows_default();
  group.count("--threads", flags->threads,
              "Maximum number of worker threads [what affinity and cgroup allow]");
  group
      .value("--min-cosine", flags->min_cosine, "X",
             "Minimum cosine of every text to f32 for a precision to be chosen")
      .shows_default()
      .within(-1.0, 1.0);
  group.count("--texts", flags->sample, "Texts to measure with").shows_default();
  group.value("--budget", flags->budget, "TIME", "Time allowed for measuring").shows_default();
  FlagGroup output(app, "Output");
  output.path("-o,--output", flags->output, "FILE",
              "Write the choice to FILE, for --config; - is standard output");
  output.flag("--json", flags->json, "Print one JSON object instead of a table");
  return [flags](Session& session) { return tune(*flags, session.console); };
}

}  // namespace embedtool
