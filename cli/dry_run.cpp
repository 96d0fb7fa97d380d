#include "cli/dry_run.hpp"

#include <fmt/core.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "cli/chunk_cost.hpp"
#include "cli/dry_run_plan.hpp"
#include "cli/encode_memory.hpp"
#include "cli/encode_setup.hpp"
#include "cli/model_setup.hpp"
#include "cli/signals.hpp"
#include "cli/stdout_writer.hpp"
#include "core/base/error.hpp"
#include "core/base/human.hpp"
#include "core/base/threads.hpp"
#include "core/pipeline/run.hpp"
#include "formats/corpus/document_copy.hpp"
#include "formats/corpus/dropped_rejects.hpp"
#include "formats/corpus/input_list.hpp"
#include "formats/output/measured_sink.hpp"

namespace embedtool {
namespace {

constexpr double kTrialSeconds = 2;

/// Some records of a block, as a corpus.
class SomeRecords final : public DocumentSource {
 public:
  SomeRecords(const DocumentBlock& all, std::span<const std::size_t> which)
      : all_(all), which_(which) {}

  bool read(DocumentBlock& block, const BlockLimits& limits) override {
    block.clear();
    while (next_ < which_.size() && block.records.size() < limits.records &&
           block.byte_size() < limits.bytes) {
      copy_record(all_, which_[next_++], block);
    }
    block.end = next_;
    return !block.records.empty();
  }
  SourceProgress progress() const override {
    SourceProgress progress;
    progress.records = next_;
    return progress;
  }
  std::span<const std::string> file_names() const override { return {&name_, 1}; }

 private:
  const DocumentBlock& all_;
  const std::span<const std::size_t> which_;
  std::atomic<std::size_t> next_{0};
  const std::string name_ = "sample";
};

/// What encoding a sample took.
struct SampleRun {
  double seconds = 0;
  double rows = 0;
  double tokens = 0;  ///< encoded: equal texts once
  double bytes = 0;   ///< that would have been written
};

void refuse_streams(const CorpusOptions& corpus) {
  const InputList& files = *corpus.files;
  for (std::size_t i = 0; i < files.groups().size(); ++i) {
    const bool is_stdin = files.path(files.first_file(i)) == "-";
    if (files.groups()[i].bytes && !is_stdin) continue;
    throw Error(ExitCode::usage,
                "--dry-run: {} can be read only once, and the run itself is to read it; write it "
                "to a file, or name the files",
                is_stdin ? "standard input" : files.groups()[i].name);
  }
}

/// Bytes that are free where the output goes, or is to be made.
std::optional<std::uint64_t> free_bytes(const std::string& path) {
  std::error_code failed;
  std::filesystem::path place = std::filesystem::absolute(path, failed);
  while (!failed && !std::filesystem::exists(place, failed) && place.has_parent_path() &&
         place != place.parent_path()) {
    place = place.parent_path();
  }
  struct statvfs info {};
  if (failed || ::statvfs(place.c_str(), &info) != 0) return std::nullopt;
  return std::uint64_t{info.f_bavail} * info.f_frsize;
}

class DryRun {
 public:
  DryRun(const EncodeJob& job, RunIdentity identity, const ReadyModel& model, Session& session)
      : job_(job),
        identity_(std::move(identity)),
        model_(model),
        console_(session.console),
        start_ns_(session.start_ns),
        settings_(token_settings(model)),
        feed_(settings_) {}

  /// Not inlined: the caller's frame would become too large.
  [[gnu::noinline]] DryRunPlan make() {
    DryRunPlan plan;
    const std::uint64_t limit = memory_limit_of(job_);
    CorpusOptions corpus = corpus_options(job_, model_, limit);
    settle(limit, corpus, plan);
    plan.inputs = describe_inputs(corpus);
    plan.survey = survey(corpus);
    if (stopped()) return plan;
    const SampleRun sample = encode_sample(plan.survey.pool);
    plan.survey.pool = DocumentBlock();
    estimate(sample, plan);
    return plan;
  }

 private:
  static bool stopped() { return stop_requested(); }

  /// Threads, sizes and memory, as the run would choose them.
  void settle(std::uint64_t limit, CorpusOptions& corpus, DryRunPlan& plan) {
    options_ = run_options(job_, model_);
    options_.trace = false;
    plan.memory_bytes =
        fit_to_memory(job_, limit, model_, output_spec(identity_), options_, corpus, console_)
            .total();
    plan.threads = options_.threads;
    plan.max_tokens = model_.max_tokens;
    if (options_.on_long == OnLong::chunk) chunk_cost_.emplace(settings_, options_.chunks);
    spec_ = settle_rows(identity_, model_);
    // It is there once the weights are loaded: the next run takes as long.
    startup_seconds_ = static_cast<double>(monotonic_ns() - start_ns_) / 1e9;
  }

  CorpusSurvey survey(const CorpusOptions& corpus) {
    SurveyPlan plan;
    plan.cost = [this](const DocumentBlock& block, const Record& record) {
      return cost_of(block, record);
    };
    plan.progress = [this](double done) {
      const std::uint64_t now = monotonic_ns();
      if (!console_.shows_progress() || now < told_ns_ + 200'000'000) return;
      told_ns_ = now;
      console_.progress(fmt::format("looking at the inputs: {:.0f} %", 100 * done));
    };
    CorpusSurvey found = survey_corpus(corpus, plan);
    console_.end_progress();
    return found;
  }

  RecordCost cost_of(const DocumentBlock& block, const Record& record) {
    if (record.kind == RecordKind::vector) return {};
    if (record.kind == RecordKind::text && settings_.tokenizer == nullptr) {
      throw Error(ExitCode::usage, "the corpus has texts, but {} has no tokenizer",
                  model_.loaded.name);
    }
    if (chunk_cost_) return chunk_cost_->of(block, record);
    ids_.clear();
    const TokenizeResult result = feed_.append(block, record, ids_);
    if (result.truncated && options_.on_long != OnLong::truncate) return {0, 0, false};
    return {result.n_tokens, 1, result.truncated};
  }

  /// Encodes more and more records, until it takes long enough to tell.
  SampleRun encode_sample(const DocumentBlock& pool) {
    std::vector<std::size_t> order(pool.records.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), std::mt19937_64{1});
    SampleRun sample;
    if (console_.shows_progress()) console_.progress("encoding a sample");
    for (std::size_t n = std::min<std::size_t>(8, order.size()); n > 0 && !stopped();) {
      sample = encode(pool, std::span(order).first(n));
      if (n == order.size() || sample.seconds > 0.7 * kTrialSeconds) break;
      const double wanted = std::clamp(kTrialSeconds / sample.seconds, 1.2, 16.0);
      n = std::min(order.size(), static_cast<std::size_t>(wanted * static_cast<double>(n)) + 1);
    }
    console_.end_progress();
    return sample;
  }

  SampleRun encode(const DocumentBlock& pool, std::span<const std::size_t> which) {
    SomeRecords source(pool, which);
    DroppedRejects rejects;
    const std::unique_ptr<EmbeddingSink> sink = open_measured_sink(identity_, spec_);
    StageClock clock;
    const RunReport report = run(source, model_.loaded.tokenizer.get(), *model_.encoder, spec_,
                                 *sink, rejects, options_, clock);
    return {std::max(1e-6, static_cast<double>(report.times.encode_wall_ns) / 1e9),
            static_cast<double>(report.counts.rows), static_cast<double>(report.counts.tokens),
            static_cast<double>(report.counts.bytes_written)};
  }

  /// From the sample to the corpus. Reading was not part of the sample: its time is shared by the
  /// CPUs, unless the one thread that reads is the slowest of all.
  void estimate(const SampleRun& sample, DryRunPlan& plan) const {
    const CorpusSurvey& survey = plan.survey;
    plan.trial_seconds = sample.seconds;
    const double tokens = survey.tokens.value * survey.distinct;
    const double scale = sample.tokens > 0 ? tokens / sample.tokens
                         : sample.rows > 0 ? survey.rows.value / sample.rows
                                           : 0;
    const auto cpus = static_cast<double>(available_cpus());
    const double encoding = sample.seconds * scale + survey.read_seconds / cpus;
    plan.seconds = startup_seconds_ + std::max(survey.read_seconds, encoding);
    plan.tokens_per_second = tokens / std::max(1e-6, encoding);
    if (sample.rows > 0) {
      plan.disk_bytes =
          static_cast<std::uint64_t>(sample.bytes / sample.rows * survey.rows.value + 0.5);
    }
    if (identity_.shard_rows > 0) {
      const auto rows = static_cast<std::uint64_t>(survey.rows.value + 0.5);
      plan.shards =
          std::max<std::uint64_t>(1, (rows + identity_.shard_rows - 1) / identity_.shard_rows);
    }
  }

  const EncodeJob& job_;
  RunIdentity identity_;
  const ReadyModel& model_;
  Console& console_;
  const std::uint64_t start_ns_;
  const TokenSettings settings_;
  TokenFeed feed_;
  std::vector<TokenId> ids_;
  RunOptions options_;
  std::optional<ChunkCost> chunk_cost_;  ///< where texts are cut
  OutputSpec spec_;
  double startup_seconds_ = 0;
  std::uint64_t told_ns_ = 0;
};

/// What the run would say of its output; nothing if none was named.
OutputOutlook outlook_of(const EncodeJob& job, const RunIdentity& identity) {
  if (job.output_name.empty()) return {};
  if (job.output.to_stdout()) return {"is standard output"};
  return look_at_output(job.output, identity, *job.corpus.files, stop_requested());
}

}  // namespace

ExitCode dry_run(const EncodeJob& job, Session& session) {
  EncodeJob looked = job;
  find_inputs(looked.corpus, session.console);
  refuse_streams(looked.corpus);
  RunIdentity identity = job.identity;
  identity.inputs = entries_of(*looked.corpus.files);
  ChosenModel chosen = choose_model(job.model, job.compute, session.console);
  check_sparse(identity, chosen.shape.kind);
  // The fingerprint of a large model takes its time: only where there is something to compare.
  std::error_code failed;
  if (std::filesystem::exists(job.output.path, failed)) take_fingerprint(chosen, nullptr);
  describe_in(identity, chosen, job.model);
  size_chunks(looked, chosen, identity);
  const OutputOutlook outlook = outlook_of(looked, identity);
  const ReadyModel model = load_weights(std::move(chosen));
  DryRunPlan plan = DryRun(looked, identity, model, session).make();
  if (stop_requested()) return ExitCode::failed;
  plan.output = job.output_name;
  plan.outlook = outlook;
  if (!job.output_name.empty() && !job.output.to_stdout()) {
    plan.disk_free = free_bytes(job.output.path);
  }
  print_to_stdout(session.console.format() == LogFormat::json ? plan_json(plan)
                                                              : render_plan(plan));
  if (outlook.refused) {
    throw Error(ExitCode::usage, "{} {}", job.output_name, outlook.text);
  }
  if (plan.survey.records.value < 1 && plan.survey.rejected.value >= 1) {
    throw Error(ExitCode::bad_record, "no record could be used: the run would write nothing");
  }
  if (plan.disk_free && plan.disk_bytes > *plan.disk_free) {
    session.console.warning(fmt::format("{}: has room for {}, not for the {} of this run",
                                        job.output_name, human_bytes(*plan.disk_free),
                                        human_bytes(plan.disk_bytes)));
  }
  return ExitCode::ok;
}

}  // namespace embedtool
