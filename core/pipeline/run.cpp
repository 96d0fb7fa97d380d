#include "core/pipeline/run.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/base/mutex.hpp"
#include "core/base/threads.hpp"
#include "core/pipeline/batch_controller.hpp"
#include "core/pipeline/batch_encoder.hpp"
#include "core/pipeline/chunk_join.hpp"
#include "core/pipeline/chunk_source.hpp"
#include "core/pipeline/late_rows.hpp"
#include "core/pipeline/run_monitor.hpp"
#include "core/pipeline/run_threads.hpp"
#include "core/pipeline/window.hpp"
#include "core/pipeline/window_ring.hpp"

namespace embedtool {
namespace {

/// Batches of each worker that the report draws.
constexpr std::size_t kBatchSamples = 256;

/// Ends `task` now and puts it on the thread's lane, where there is one.
void note_task(StageClock& clock, TraceTask task) {
  if (clock.lane() == nullptr) return;
  task.end_ns = monotonic_ns();
  clock.lane()->add(task);
}

/// What one worker owns and does.
struct Worker {
  explicit Worker(const TokenSettings& settings) : feed(settings) {
    counts.samples.reserve(kBatchSamples);
  }

  void tokenize(Window& window, const WindowRing::Task& task, StageClock& clock);
  void encode(const RunContext& context, Window& window, const WindowRing::Task& task,
              StageClock& clock);

  TokenFeed feed;
  BatchEncoder encoder;
  BatchCounts counts;
};

void Worker::tokenize(Window& window, const WindowRing::Task& task, StageClock& clock) {
  const std::uint64_t begin = monotonic_ns();
  const StageScope tokenizing(clock, Stage::tokenize);
  window.tokenize(task.part, feed);
  note_task(clock, {TraceTask::Kind::tokenize, begin, 0, task.window, 0, 0});
}

/// Afterwards the clock tells the batch's times.
void Worker::encode(const RunContext& context, Window& window, const WindowRing::Task& task,
                    StageClock& clock) {
  const std::uint64_t begin = monotonic_ns();
  clock.begin_batch(Stage::batch);
  window.encode(context, task.part, encoder, clock);
  clock.end_batch(Stage::idle);
  const PlannedBatch& batch = window.batch(task.part);
  counts.texts.add(batch.count);
  counts.tokens.add(batch.tokens);
  counts.wall.add(clock.batch_wall_ns());
  if (counts.samples.size() < kBatchSamples) {
    counts.samples.push_back({task.window, batch.count, batch.shortest, batch.longest, batch.tokens,
                              clock.batch_wall_ns()});
  }
  note_task(clock, {TraceTask::Kind::encode, begin, 0, task.window, batch.count, batch.tokens});
}

/// Lets a sink's jobs run on the workers, until it goes.
class LentWorkers {
 public:
  LentWorkers(EmbeddingSink& sink, RunThreads& threads) : sink_(sink) {
    sink_.set_runner(&threads);
  }
  ~LentWorkers() { sink_.set_runner(nullptr); }
  LentWorkers(const LentWorkers&) = delete;
  LentWorkers& operator=(const LentWorkers&) = delete;

 private:
  EmbeddingSink& sink_;
};

/// One run: a reader, workers and a writer around a ring of windows. A window belongs to the thread
/// that the ring gave it to.
class Runner {
 public:
  /// `chunks`: context.source, where documents are cut; else null.
  Runner(const RunContext& context, ChunkSource* chunks, EmbeddingSink& sink,
         std::uint64_t origin_ns)
      : context_(context),
        chunks_(chunks),
        sink_(sink),
        monitor_(origin_ns, [this] { return reading(); }),
        batches_(context.encoder, context.options),
        threads_(kWindowsInFlight, origin_ns, context.options.trace, context.options.stop) {}

  RunReport run(StageClock& main_clock);

 private:
  void read_windows(StageClock& clock);
  void work(std::size_t index, StageClock& clock);
  void write_windows(StageClock& clock);

  std::optional<WindowRing::Task> take_task(StageClock& clock);
  void run_task(const WindowRing::Task& task, Worker& worker, StageClock& clock);
  void plan_window(std::size_t slot, StageClock& clock);
  void finish_window(std::size_t slot, StageClock& clock);
  void count_worker(const Worker& worker);
  RunMonitor::Reading reading();
  RunReport finish_report();

  const RunContext& context_;
  ChunkSource* const chunks_;
  EmbeddingSink& sink_;
  const std::uint64_t begin_ns_ = monotonic_ns();

  std::array<Window, kWindowsInFlight> windows_;
  /// Of each window's batches that are done.
  std::array<std::atomic<std::uint64_t>, kWindowsInFlight> encode_cpu_ns_{};
  std::atomic<std::uint64_t> tokens_computed_{0};
  std::uint64_t first_vector_ns_ = 0;  ///< the writer's

  Mutex mutex_;
  RunReport report_ EMBEDTOOL_GUARDED_BY(mutex_);

  RunMonitor monitor_;  ///< the calling thread's
  BatchController batches_;
  RunThreads threads_;  ///< last: its threads use all that is above
};

void Runner::read_windows(StageClock& clock) {
  if (chunks_ != nullptr) chunks_->set_clock(&clock);
  WindowSize size(context_.options.window, window_budget(context_.options, context_.encoder),
                  context_.tokens.max_tokens);
  std::optional<std::size_t> slot;
  while (threads_.wait(clock, [&](const WindowRing& ring) {
    slot = ring.slot_to_read();
    return slot.has_value();
  })) {
    const std::uint64_t begin = monotonic_ns();
    Window& window = windows_[*slot];
    if (!window.fill(context_, size, clock)) break;
    encode_cpu_ns_[*slot] = 0;
    std::uint64_t number = 0;
    const bool nothing_to_tokenize = threads_.update([&](WindowRing& ring) {
      number = ring.windows_read();
      return ring.read(window.chunks());
    });
    note_task(clock, {TraceTask::Kind::read, begin, 0, number, window.records(), 0});
    if (nothing_to_tokenize) plan_window(*slot, clock);  // ready vectors only
  }
  // A source that was told to stop ends too: that is not the end of the input.
  threads_.poll_stop();
  threads_.update([](WindowRing& ring) { ring.end_input(); });
}

/// The next part to work on, after the sink's jobs; none when the run is over.
std::optional<WindowRing::Task> Runner::take_task(StageClock& clock) {
  std::optional<WindowRing::Task> task;
  JobRunner::Job job;
  const auto has_task = [&](WindowRing& ring) {
    task = ring.take();
    return task.has_value() || ring.drained();
  };
  while (threads_.wait_or_take(clock, has_task, job)) {
    if (!job) return task;
    const StageScope writing(clock, Stage::write);
    job();
  }
  return std::nullopt;
}

void Runner::work(std::size_t index, StageClock& clock) {
  // Where it is refused, the kernel goes on choosing.
  if (context_.options.pin) pin_thread(index);
  Worker worker(context_.tokens);
  while (const auto task = take_task(clock)) run_task(*task, worker, clock);
  count_worker(worker);
}

void Runner::run_task(const WindowRing::Task& task, Worker& worker, StageClock& clock) {
  const bool tokenizing = task.step == WindowRing::Step::tokenize;
  Window& window = windows_[task.slot];
  if (tokenizing) {
    worker.tokenize(window, task, clock);
  } else {
    worker.encode(context_, window, task, clock);
    encode_cpu_ns_[task.slot].fetch_add(clock.batch_cpu_ns(), std::memory_order_relaxed);
    tokens_computed_.fetch_add(window.batch(task.part).tokens, std::memory_order_relaxed);
  }
  const bool last = threads_.locked([&](WindowRing& ring) { return ring.complete(task); });
  if (last && tokenizing) plan_window(task.slot, clock);
  if (last && !tokenizing) finish_window(task.slot, clock);
}

/// All texts of the window are tokenized: cuts its batches.
void Runner::plan_window(std::size_t slot, StageClock& clock) {
  const StageScope planning(clock, Stage::plan);
  Window& window = windows_[slot];
  window.plan(context_);
  window.cut(batches_.limits(window.lengths()), context_.options.threads);
  batches_.expect(window.largest());
  const bool nothing_to_encode =
      threads_.update([&](WindowRing& ring) { return ring.planned(slot, window.batches()); });
  if (nothing_to_encode) finish_window(slot, clock);
}

/// All batches of the window are encoded: completes its rows.
void Runner::finish_window(std::size_t slot, StageClock& clock) {
  const StageScope planning(clock, Stage::plan);
  Window& window = windows_[slot];
  window.finish();
  batches_.measured(window.lengths(), window.limits(), encode_cpu_ns_[slot]);
  threads_.update([&](WindowRing& ring) { ring.finished(slot); });
}

/// Adds an ended worker's counts, and its buffers' actual and expected bytes.
void Runner::count_worker(const Worker& worker) {
  const std::size_t held = worker.encoder.bytes();
  const MutexLock lock(mutex_);
  report_.work.batches.merge(worker.counts);
  report_.memory.workspace_bytes += held;
  if (held > 0) report_.memory.workspace_predicted += batches_.expected_worker_bytes();
}

void Runner::write_windows(StageClock& clock) {
  const LentWorkers lent(sink_, threads_);
  std::optional<std::size_t> slot;
  std::uint64_t number = 0;
  while (threads_.wait(clock, [&](const WindowRing& ring) {
    slot = ring.slot_to_write();
    number = ring.windows_written();
    return slot.has_value() || ring.drained();
  })) {
    if (!slot) return sink_.finish();  // everything is written
    const Window& window = windows_[*slot];
    const EmbeddingBlock block = window.rows();
    const std::uint64_t begin = monotonic_ns();
    if (!block.rows.empty()) sink_.write(block);
    if (context_.options.reuse != nullptr) context_.options.reuse->add(block);
    note_task(clock, {TraceTask::Kind::write, begin, 0, number, block.rows.size(), 0});
    context_.rejects.settle(block.documents->end);
    if (number == 0) first_vector_ns_ = monotonic_ns();
    {
      const MutexLock lock(mutex_);
      window.account(context_.encoder, report_.counts, report_.work);
    }
    threads_.update([](WindowRing& ring) { ring.written(); });
  }
}

RunMonitor::Reading Runner::reading() {
  const SourceProgress source = context_.source.progress();
  const MutexLock lock(mutex_);
  const RunCounts& counts = report_.counts;
  return {{source.records, counts.rows, counts.tokens, source.bytes_read, source.bytes_total,
           monotonic_ns() - begin_ns_},
          tokens_computed_.load(std::memory_order_relaxed)};
}

RunReport Runner::run(StageClock& main_clock) {
  threads_.start("reader", Stage::read, [this](StageClock& clock) { read_windows(clock); });
  for (std::size_t i = 0; i < context_.options.threads; ++i) {
    threads_.start("worker " + std::to_string(i), Stage::idle,
                   [this, i](StageClock& clock) { work(i, clock); });
  }
  threads_.start("writer", Stage::write, [this](StageClock& clock) { write_windows(clock); });
  try {
    const StageScope idle(main_clock, Stage::idle);
    monitor_.watch(threads_, batches_, context_.options);
  } catch (...) {  // the progress display: the threads must not wait for a run that is over
    threads_.stop();
    throw;
  }
  threads_.join();
  return finish_report();
}

/// What only the end of the run knows. No thread is left; the lock is for the analysis.
RunReport Runner::finish_report() {
  const MutexLock lock(mutex_);
  report_.times = threads_.take_times();
  report_.times.first_vector_ns = first_vector_ns_;
  report_.times.encode_wall_ns = monotonic_ns() - begin_ns_;
  report_.times.series = monitor_.series();
  batches_.report(report_.work);
  for (const Window& window : windows_) report_.memory.window_bytes += window.bytes();
  if (chunks_ != nullptr) report_.memory.window_bytes += chunks_->bytes();
  report_.interrupted = threads_.stopped();
  return std::move(report_);
}

/// Adds what the source, the sink and the encoder counted.
void add_ports(RunReport& report, const RunContext& context, const EmbeddingSink& sink) {
  RunCounts& counts = report.counts;
  const SourceProgress source = context.source.progress();
  // Unreadable, and too long under --on-long skip.
  counts.rejected = source.rejected + (counts.records - counts.rows);
  if (report.chunks) counts.records = report.chunks->documents;
  counts.bytes_read = source.bytes_read;
  counts.bytes_unpacked = source.bytes_unpacked;
  counts.bytes_written = sink.bytes_written();
  counts.bytes_raw = sink.bytes_raw();
  const std::uint64_t vectors =
      context.encoder.kind() == RowKind::multi ? counts.tokens : counts.encoded;
  report.work.linear_flops = context.encoder.linear_flops(static_cast<double>(counts.tokens),
                                                          static_cast<double>(vectors));
  report.memory.weights_bytes = context.encoder.owned_bytes();
  report.machine.workers = context.options.threads;
}

std::size_t resolve_max_tokens(const RunOptions& options, const Encoder& encoder) {
  const std::size_t limit = encoder.max_tokens();
  if (options.max_tokens == 0 || limit == 0) return std::max(options.max_tokens, limit);
  return std::min(options.max_tokens, limit);
}

}  // namespace

RunReport run(DocumentSource& source, const Tokenizer* tokenizer, const Encoder& encoder,
              const OutputSpec& spec, EmbeddingSink& sink, RejectSink& rejects,
              const RunOptions& options, StageClock& main_clock) {
  const TokenSettings tokens{tokenizer, options.prompt, resolve_max_tokens(options, encoder), true};
  std::unique_ptr<ChunkSource> chunks;
  if (options.on_long == OnLong::chunk) {
    chunks = std::make_unique<ChunkSource>(source, tokens, options.chunks, rejects);
  }
  std::unique_ptr<ChunkJoiner> joiner;
  if (chunks && options.chunks.join != ChunkJoin::none) {
    joiner = std::make_unique<ChunkJoiner>(sink, spec, options.chunks);
  }
  OutputSpec rows = joiner ? ChunkJoiner::chunk_rows(spec) : spec;
  EmbeddingSink* rows_to = joiner ? joiner.get() : &sink;
  std::unique_ptr<LateRows> late;
  if (chunks && options.chunks.pooling == ChunkPooling::late) {
    late = std::make_unique<LateRows>(*rows_to, rows, encoder);
    rows = LateRows::window_rows(rows, encoder);
    rows_to = late.get();
  }
  DocumentSource& texts = chunks ? *chunks : source;
  const RunContext context{tokens, encoder, rows, options, texts, rejects};
  Runner runner(context, chunks.get(), *rows_to, main_clock.timeline().origin());
  RunReport report = runner.run(main_clock);
  if (chunks) report.chunks = std::make_shared<ChunkCounts>(chunks->counts());
  add_ports(report, context, sink);
  if (late) report.counts.rows = late->rows();
  if (joiner) report.counts.rows = joiner->rows();
  return report;
}

}  // namespace embedtool
