#include "cli/encode_run.hpp"

#include <fmt/core.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/encode_memory.hpp"
#include "cli/encode_report.hpp"
#include "cli/encode_setup.hpp"
#include "cli/render_report.hpp"
#include "cli/signals.hpp"
#include "core/base/error.hpp"
#include "core/base/human.hpp"
#include "core/base/threads.hpp"
#include "core/pipeline/finish_report.hpp"
#include "core/pipeline/run.hpp"
#include "formats/corpus/corpus_sample.hpp"
#include "formats/corpus/input_list.hpp"
#include "formats/output/run_rows.hpp"
#include "formats/output/unit_rows.hpp"

namespace embedtool {
namespace {

void show_progress(const RunProgress& p, Console& console) {
  console.progress(
      render_progress(p.rows_written, p.tokens_encoded, p.bytes_read, p.bytes_total, p.elapsed_ns),
      {{"rows", p.rows_written},
       {"tokens", p.tokens_encoded},
       {"bytes_read", p.bytes_read},
       {"bytes_total", p.bytes_total},
       {"seconds", static_cast<double>(p.elapsed_ns) / 1e9}});
}

/// Inputs that changed under the run: what was read of them is in the output, and may be a mixture.
void warn_of_changes(const InputList& files, Console& console) {
  for (std::size_t i = 0; i < files.groups().size(); ++i) {
    if (!files.has_changed(i)) continue;
    console.warning(fmt::format("{}: changed while it was read; the output reflects what was read",
                                files.groups()[i].name));
  }
}

class EncodeRun {
 public:
  EncodeRun(const EncodeJob& job, RunIdentity identity, const ReadyModel& model,
            EarlierOutputs earlier, const EncodeWatch& watch)
      : job_(job),
        identity_(std::move(identity)),
        model_(model),
        earlier_(std::move(earlier)),
        counters_(watch.counters),
        session_(watch.session),
        console_(watch.session.console),
        metrics_(watch.metrics),
        memory_limit_(memory_limit_of(job)) {}

  // Not inlined: g++ 14 would merge the callers' frames with this one into one that is too large.
  [[gnu::noinline]] bool run_into(EncodeOutput& output, RejectLog& rejects) {
    CorpusOptions corpus = corpus_options(job_, model_, memory_limit_);
    RunOptions options = sized_options(corpus);
    const OutputSpec spec = settle_identity(corpus);
    check_still_reusable(earlier_, job_.reuse, identity_);
    output.choose(corpus);
    const std::unique_ptr<CorpusSource> source = open_corpus(corpus, output.rejects());
    describe(options);
    if (RunOutput* whole = output.whole()) {
      whole->on_shard([this](const ShardEntry& shard) {
        console_.detail(fmt::format("published {}: {}, {}", shard.name,
                                    human_count(shard.rows, "row"), human_bytes(shard.bytes)));
      });
    }
    output.open(identity_, spec);
    output.resume(*source);
    const std::unique_ptr<RowReuse> reuse = row_reuse(spec, output);
    options.reuse = reuse.get();
    if (output.resumed_shards() > 0) {
      console_.note(fmt::format("resuming after {} in {} from an earlier run",
                                human_count(output.resumed_rows(), "row"),
                                human_count(output.resumed_shards(), "shard")));
    }
    RunReport report = run(*source, model_.loaded.tokenizer.get(), *model_.encoder, spec,
                           output.sink(), output.rejects(), options, session_.clock);
    if (reuse != nullptr) reuse->settle();
    const SourceProgress progress = source->progress();
    if (!report.interrupted) output.end_rejects(progress.records + progress.rejected);
    console_.end_progress();
    if (!report.interrupted && output.whole() != nullptr) {
      find_run_changes(report, *output.whole());
    }
    const std::string json = account(report, options, progress, output);
    if (!report.interrupted) {
      warn_of_changes(*job_.corpus.files, console_);
      report_empty_inputs(*source, console_);
      output.complete(*source, json);
    }
    say(report, rejects, progress, output);
    return !report.interrupted;
  }

 private:
  /// Under -v.
  void describe(const RunOptions& options) {
    console_.detail(fmt::format(
        "model: {}, {} dimensions, {}, fingerprint {}", model_.loaded.name, model_.shape.dims,
        options.max_tokens > 0 ? fmt::format("texts of up to {} tokens", options.max_tokens)
                               : "texts of any length",
        identity_.model_fingerprint));
    console_.detail(fmt::format(
        "batches of up to {} texts and {} tokens, windows of up to {} texts; {}, {} by {}, {}",
        options.batch.texts, options.batch.tokens, options.window.records,
        human_count(options.threads, "worker"), name_of(model_.compute), identity_.gemm,
        identity_.isa));
  }

  /// Sizes that fit in memory, those of the corpus among them.
  RunOptions sized_options(CorpusOptions& corpus) const {
    RunOptions options = run_options(job_, model_);
    options.progress = [this](const RunProgress& p) {
      metrics_.update(p);
      if (console_.shows_progress()) show_progress(p, console_);
    };
    options.reuse_memory = reuse_memory(earlier_, memory_limit_) +
                           (keeps_own_rows() ? run_rows_memory(memory_limit_) : 0) +
                           (holds_sample(corpus) ? corpus.sample_bytes : 0);
    fit_to_memory(job_, memory_limit_, model_, output_spec(identity_), options, corpus, console_);
    return options;
  }

  /// Such a model's texts are encoded in less time than it takes to look for them far away.
  bool is_static() const { return model_.loaded.spec.layers == 0; }

  /// Whether rows of this output are kept for texts that come again, and for the run that goes on
  /// if this one is killed. Those of chunks that were joined or read together depend on more than
  /// their text.
  bool keeps_own_rows() const {
    return !is_static() && !job_.output.to_stdout() && identity_.to == OutputFormat::parquet &&
           identity_.chunk_join == ChunkJoin::none &&
           identity_.chunk_pooling == ChunkPooling::own && run_rows_memory(memory_limit_) > 0;
  }

  std::string scratch() const {
    // Processes that share an output may share its disk as well, which others pay for.
    return scratch_folder(job_.part ? OutputPlan() : job_.output, job_.scratch);
  }

  std::unique_ptr<RowReuse> row_reuse(const OutputSpec& spec, EncodeOutput& output) {
    std::vector<std::unique_ptr<RowReuse>> places;
    if (keeps_own_rows()) {
      const std::uint64_t memory = run_rows_memory(memory_limit_);
      if (const UnitOutput* part = output.part()) {
        places.push_back(std::make_unique<UnitRows>(*part, identity_, spec, memory));
      } else if (const RunOutput* whole = output.whole()) {
        places.push_back(std::make_unique<RunRows>(*whole, identity_, spec, scratch(), memory));
      }
    }
    if (!earlier_.empty()) {
      const ReuseResources resources{scratch(), reuse_sort_memory(memory_limit_), &stop_requested(),
                                     is_static()};
      places.push_back(std::make_unique<OutputReuse>(earlier_, spec, job_.reuse, resources));
    }
    if (places.empty()) return nullptr;
    return std::make_unique<RowReuseChain>(std::move(places));
  }

  /// Under --changes, compares the rows that are published with those of the earlier output; one
  /// that is not there yet has none.
  void find_run_changes(RunReport& report, RunOutput& output) {
    if (job_.nightly.changes.empty()) return;
    const Manifest now = output.published();
    PublishedRows before;
    if (!earlier_.empty()) {
      before = {&earlier_.front()->directory, &earlier_.front()->manifest};
    }
    report.changes = write_changes(before, {&output.directory(), &now}, scratch(),
                                   reuse_sort_memory(memory_limit_), job_.nightly.changes);
    console_.note("changes: " + describe_changes(*report.changes));
  }

  /// Fills in what is known only now.
  OutputSpec settle_identity(const CorpusOptions& corpus) {
    identity_.line_limit = corpus.max_line_bytes;
    OutputSpec spec = settle_rows(identity_, model_);
    spec.metadata = shard_metadata(identity_);
    return spec;
  }

  /// Completes the report and publishes it; returns it as JSON.
  std::string account(RunReport& report, const RunOptions& options, const SourceProgress& progress,
                      const EncodeOutput& output) {
    const RunMachinery machinery{model_.loaded.spec, *model_.encoder, *model_.backend,
                                 model_.compute};
    complete_report(report, session_.clock, session_.start_ns, machinery, counters_);
    metrics_.set_report(report);
    add_peaks(report, machinery, !job_.report.report.empty(), memory_limit_);
    ReportContext context = base_context(identity_, session_);
    const std::string texts = std::to_string(options.batch.texts);
    context.settings.emplace_back("batch_tokens", std::to_string(options.batch.tokens));
    context.settings.emplace_back("window", std::to_string(options.window.records));
    context.settings.emplace_back("batch_size", options.auto_batch ? "auto" : texts);
    context.settings.emplace_back("optimize", name_of(job_.optimize));
    context.duplicate_ids = progress.duplicate_ids;
    context.all_ids_known = progress.all_ids_known;
    context.resumed_shards = output.resumed_shards();
    context.resumed_rows = output.resumed_rows();
    std::string json = report_json(report, context);
    publish_report(job_.report, report, json, job_.output_name, session_);
    return json;
  }

  void say(const RunReport& report, const RejectLog& rejects, const SourceProgress& progress,
           const EncodeOutput& output) {
    report_rejects(rejects, console_);
    advise(report, model_.max_tokens, console_);
    if (progress.duplicate_ids > 0 && identity_.duplicate_ids == DuplicateIds::keep) {
      console_.warning(
          fmt::format("records with a duplicate id: {}{}; --duplicate-ids reject drops them",
                      progress.all_ids_known ? "" : "at least ", progress.duplicate_ids));
    }
    summarise(report, available_cpus(), console_);
    if (!report.interrupted) return;
    console_.note(fmt::format("stopped by a signal; {}", job_.output.to_stdout()
                                                             ? "the output is incomplete"
                                                             : output.progress_kept()));
  }

  const EncodeJob& job_;
  RunIdentity identity_;
  const ReadyModel& model_;
  const EarlierOutputs earlier_;
  const PerfCounters& counters_;
  Session& session_;
  Console& console_;
  MetricsFile& metrics_;
  const std::uint64_t memory_limit_;
};

}  // namespace

bool run_encode(const EncodeJob& job, const RunIdentity& identity, const ReadyModel& model,
                EarlierOutputs earlier, EncodeOutput& output, RejectLog& rejects,
                const EncodeWatch& watch) {
  try {
    return EncodeRun(job, identity, model, std::move(earlier), watch).run_into(output, rejects);
  } catch (const Error&) {
    Console& console = watch.session.console;
    console.end_progress();
    if (const std::string kept = output.progress_kept(); !kept.empty()) console.note(kept);
    throw;
  }
}

}  // namespace embedtool
