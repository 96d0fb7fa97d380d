#include "core/pipeline/run.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "core/base/memory.hpp"
#include "core/base/mutex.hpp"
#include "core/base/pressure.hpp"
#include "core/base/thread_group.hpp"
#include "core/base/threads.hpp"
#include "core/pipeline/batch_controller.hpp"
#include "core/pipeline/batch_encoder.hpp"
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

/// What one worker owns.
struct Worker {
  explicit Worker(const TokenSettings& settings) : feed(settings) {
    counts.samples.reserve(kBatchSamples);
  }

  TokenFeed feed;
  BatchEncoder encoder;
  BatchCounts counts;
};

/// The threads of one run: a reader, workers and a writer, around a ring of windows. `ring_` says
/// whose turn it is; a window belongs to the thread that the ring gave it to.
class Runner {
 public:
  Runner(const RunContext& context, EmbeddingSink& sink, std::uint64_t origin_ns)
      : context_(context),
        sink_(sink),
        origin_ns_(origin_ns),
        ring_(kWindowsInFlight),
        batches_(context.encoder, context.options),
        threads_([this] { wake(); }) {}

  RunReport run(StageClock& main_clock);

 private:
  void read_windows(StageClock& clock);
  void work(std::size_t index, StageClock& clock);
  void write_windows(StageClock& clock);
  void watch(StageClock& clock);
  void finish_report() EMBEDTOOL_REQUIRES(mutex_);

  template <typename Body>
  void start(std::string name, Stage first, Body body);
  template <typename Ready>
  bool wait(StageClock& clock, const Ready& ready);
  void wake();
  bool stopping() const EMBEDTOOL_REQUIRES(mutex_) { return stopped_ || threads_.failed(); }
  void poll_stop();
  void stop();

  std::optional<WindowRing::Task> take_task(StageClock& clock);
  void tokenize(const WindowRing::Task& task, Worker& worker, StageClock& clock);
  void encode(const WindowRing::Task& task, Worker& worker, StageClock& clock);
  void plan_window(std::size_t slot, StageClock& clock);
  void finish_window(std::size_t slot, StageClock& clock);
  void count_worker(const Worker& worker);
  RunProgress progress();
  void take_sample();

  const RunContext& context_;
  EmbeddingSink& sink_;
  const std::uint64_t origin_ns_;  ///< of all timelines
  const std::uint64_t begin_ns_ = monotonic_ns();

  std::array<Window, kWindowsInFlight> windows_;
  /// Of each window's batches that are done.
  std::array<std::atomic<std::uint64_t>, kWindowsInFlight> encode_cpu_ns_{};
  std::atomic<std::uint64_t> tokens_computed_{0};  ///< batch by batch; for the series
  PressureGauge pressure_;                         ///< the calling thread's

  Mutex mutex_;
  ConditionVariable changed_;
  WindowRing ring_ EMBEDTOOL_GUARDED_BY(mutex_);
  bool stopped_ EMBEDTOOL_GUARDED_BY(mutex_) = false;
  std::size_t threads_running_ EMBEDTOOL_GUARDED_BY(mutex_) = 0;
  RunReport report_ EMBEDTOOL_GUARDED_BY(mutex_);
  RunSeries series_;  ///< the calling thread's

  BatchController batches_;
  ThreadGroup threads_;  ///< last: its threads use all that is above
};

/// Runs `body(clock)` on a thread of that name and keeps its account.
template <typename Body>
void Runner::start(std::string name, Stage first, Body body) {
  {
    const MutexLock lock(mutex_);
    ++threads_running_;
  }
  const bool started = threads_.start([this, name, first, body = std::move(body)] {
    /// Counts the thread as ended, however it ends.
    struct Leave {
      Runner& runner;
      ~Leave() {
        const MutexLock lock(runner.mutex_);
        --runner.threads_running_;
        runner.changed_.notify_all();
      }
    } const leave{*this};
    name_thread(name.c_str());
    StageClock clock(first, origin_ns_);
    TraceLane lane;
    if (context_.options.trace) clock.record(&lane);
    body(clock);
    clock.stop();
    const MutexLock own(mutex_);
    report_.times.add_thread(name, clock, std::move(lane));
  });
  if (started) return;
  const MutexLock lock(mutex_);
  --threads_running_;
}

/// Waits, idle, until `ready()` or the run ends early; true when it is ready and goes on. `ready`
/// runs under the lock.
template <typename Ready>
bool Runner::wait(StageClock& clock, const Ready& ready) {
  std::optional<StageScope> idle;
  if (clock.current() != Stage::idle) idle.emplace(clock, Stage::idle);
  const MutexLock lock(mutex_);
  bool is_ready = false;
  changed_.wait(mutex_, [&]() EMBEDTOOL_REQUIRES(mutex_) {
    if (stopping()) return true;
    is_ready = ready();
    return is_ready;
  });
  return is_ready;
}

void Runner::wake() {
  const MutexLock lock(mutex_);
  changed_.notify_all();
}

void Runner::read_windows(StageClock& clock) {
  std::size_t slot = 0;
  while (wait(clock, [&]() EMBEDTOOL_REQUIRES(mutex_) {
    const auto free = ring_.slot_to_read();
    if (free) slot = *free;
    return free.has_value();
  })) {
    const std::uint64_t begin = monotonic_ns();
    Window& window = windows_[slot];
    if (!window.fill(context_, clock)) break;
    encode_cpu_ns_[slot] = 0;
    bool nothing_to_tokenize = false;
    std::uint64_t number = 0;
    {
      const MutexLock lock(mutex_);
      number = ring_.windows_read();
      nothing_to_tokenize = ring_.read(window.chunks());
      changed_.notify_all();
    }
    note_task(clock, {TraceTask::Kind::read, begin, 0, number, window.records(), 0});
    if (nothing_to_tokenize) plan_window(slot, clock);  // ready vectors only
  }
  poll_stop();  // a source that was told to stop ends too: that is not the end of the input
  const MutexLock lock(mutex_);
  ring_.end_input();
  changed_.notify_all();
}

/// The next part to work on; none when the run is over.
std::optional<WindowRing::Task> Runner::take_task(StageClock& clock) {
  std::optional<WindowRing::Task> task;
  const bool ready = wait(clock, [&]() EMBEDTOOL_REQUIRES(mutex_) {
    task = ring_.take();
    return task.has_value() || ring_.drained();
  });
  return ready ? task : std::nullopt;
}

void Runner::work(std::size_t index, StageClock& clock) {
  // Where it is refused, the kernel goes on choosing.
  if (context_.options.pin) pin_thread(index);
  Worker worker(context_.tokens);
  while (const auto task = take_task(clock)) {
    const bool tokenizing = task->step == WindowRing::Step::tokenize;
    if (tokenizing) {
      tokenize(*task, worker, clock);
    } else {
      encode(*task, worker, clock);
    }
    bool last = false;
    {
      const MutexLock lock(mutex_);
      last = ring_.complete(*task);
    }
    if (last && tokenizing) plan_window(task->slot, clock);
    if (last && !tokenizing) finish_window(task->slot, clock);
  }
  count_worker(worker);
}

void Runner::tokenize(const WindowRing::Task& task, Worker& worker, StageClock& clock) {
  const std::uint64_t begin = monotonic_ns();
  const StageScope tokenizing(clock, Stage::tokenize);
  windows_[task.slot].tokenize(task.part, worker.feed);
  note_task(clock, {TraceTask::Kind::tokenize, begin, 0, task.window, 0, 0});
}

void Runner::encode(const WindowRing::Task& task, Worker& worker, StageClock& clock) {
  const std::uint64_t begin = monotonic_ns();
  Window& window = windows_[task.slot];
  clock.begin_batch(Stage::batch);
  window.encode(context_, task.part, worker.encoder, clock);
  clock.end_batch(Stage::idle);
  encode_cpu_ns_[task.slot].fetch_add(clock.batch_cpu_ns(), std::memory_order_relaxed);
  const PlannedBatch& batch = window.batch(task.part);
  tokens_computed_.fetch_add(batch.tokens, std::memory_order_relaxed);
  BatchCounts& counts = worker.counts;
  counts.texts.add(batch.count);
  counts.tokens.add(batch.tokens);
  counts.wall.add(clock.batch_wall_ns());
  if (counts.samples.size() < kBatchSamples) {
    counts.samples.push_back({task.window, batch.count, batch.shortest, batch.longest, batch.tokens,
                              clock.batch_wall_ns()});
  }
  note_task(clock, {TraceTask::Kind::encode, begin, 0, task.window, batch.count, batch.tokens});
}

/// All texts of the window are tokenized: cuts its batches.
void Runner::plan_window(std::size_t slot, StageClock& clock) {
  const StageScope planning(clock, Stage::plan);
  Window& window = windows_[slot];
  window.plan(context_);
  window.cut(batches_.limits(window.lengths()), context_.options.threads);
  batches_.expect(window.largest());
  bool nothing_to_encode = false;
  {
    const MutexLock lock(mutex_);
    nothing_to_encode = ring_.planned(slot, window.batches());
    changed_.notify_all();
  }
  if (nothing_to_encode) finish_window(slot, clock);
}

/// All batches of the window are encoded: completes its rows.
void Runner::finish_window(std::size_t slot, StageClock& clock) {
  const StageScope planning(clock, Stage::plan);
  Window& window = windows_[slot];
  window.finish();
  batches_.measured(window.lengths(), window.limits(), encode_cpu_ns_[slot]);
  const MutexLock lock(mutex_);
  ring_.finished(slot);
  changed_.notify_all();
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
  std::optional<std::size_t> slot;
  std::uint64_t number = 0;
  while (wait(clock, [&]() EMBEDTOOL_REQUIRES(mutex_) {
    slot = ring_.slot_to_write();
    number = ring_.windows_written();
    return slot.has_value() || ring_.drained();
  })) {
    if (!slot) return sink_.finish();  // everything is written
    const Window& window = windows_[*slot];
    const EmbeddingBlock block = window.rows();
    const std::uint64_t begin = monotonic_ns();
    if (!block.rows.empty()) sink_.write(block);
    note_task(clock, {TraceTask::Kind::write, begin, 0, number, block.rows.size(), 0});
    context_.rejects.settle(block.documents->end);
    const MutexLock lock(mutex_);
    if (number == 0) report_.times.first_vector_ns = monotonic_ns();
    window.account(context_.encoder, report_.counts, report_.work);
    ring_.written();
    changed_.notify_all();
  }
}

void Runner::poll_stop() {
  if (context_.options.stop != nullptr && context_.options.stop->load()) stop();
}

/// No thread begins anything new.
void Runner::stop() {
  const MutexLock lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

RunProgress Runner::progress() {
  const SourceProgress source = context_.source.progress();
  const MutexLock lock(mutex_);
  const RunCounts& counts = report_.counts;
  return {source.records,    counts.rows,        counts.tokens,
          source.bytes_read, source.bytes_total, monotonic_ns() - begin_ns_};
}

/// The calling thread: shows progress and passes a stop on, until the others have ended.
void Runner::watch(StageClock& clock) {
  constexpr std::chrono::nanoseconds kTick = std::chrono::milliseconds(100);
  const StageScope idle(clock, Stage::idle);
  std::uint64_t shown_ns = 0;
  while (true) {
    {
      const std::chrono::nanoseconds period(series_.period_ns());
      const MutexLock lock(mutex_);
      const bool ended =
          changed_.wait_for(mutex_, std::min(kTick, period),
                            [this]() EMBEDTOOL_REQUIRES(mutex_) { return threads_running_ == 0; });
      if (ended) break;
    }
    take_sample();
    const std::uint64_t now = monotonic_ns();
    if (now - shown_ns < static_cast<std::uint64_t>(kTick.count())) continue;
    shown_ns = now;
    if (pressure_.is_tight(now)) batches_.relieve();
    if (context_.options.progress) context_.options.progress(progress());
    poll_stop();
  }
  take_sample();
}

void Runner::take_sample() {
  const std::uint64_t time = monotonic_ns() - origin_ns_;
  if (!series_.due(time)) return;
  const ProcessMemory memory = process_memory();
  series_.add({time, tokens_computed_.load(std::memory_order_relaxed), progress().rows_written,
               memory.resident, memory.resident_file});
}

RunReport Runner::run(StageClock& main_clock) {
  const std::size_t workers = context_.options.threads;
  start("reader", Stage::read, [this](StageClock& clock) { read_windows(clock); });
  for (std::size_t i = 0; i < workers; ++i) {
    start("worker " + std::to_string(i), Stage::idle,
          [this, i](StageClock& clock) { work(i, clock); });
  }
  start("writer", Stage::write, [this](StageClock& clock) { write_windows(clock); });
  try {
    watch(main_clock);
  } catch (...) {  // the progress display: the threads must not wait for a run that is over
    stop();
    throw;
  }
  threads_.join();
  const MutexLock lock(mutex_);  // no thread is left; for the analysis
  finish_report();
  return std::move(report_);
}

/// What only the end of the run knows.
void Runner::finish_report() {
  RunCounts& counts = report_.counts;
  const SourceProgress source = context_.source.progress();
  // Unreadable, and too long under --on-long skip.
  counts.rejected = source.rejected + (counts.records - counts.rows);
  counts.bytes_read = source.bytes_read;
  counts.bytes_unpacked = source.bytes_unpacked;
  counts.bytes_written = sink_.bytes_written();
  counts.bytes_raw = sink_.bytes_raw();
  report_.times.series = std::move(series_);
  report_.times.encode_wall_ns = monotonic_ns() - begin_ns_;
  const std::uint64_t texts = counts.rows - counts.duplicates - counts.ready_vectors;
  const std::uint64_t vectors = context_.encoder.kind() == RowKind::multi ? counts.tokens : texts;
  report_.work.linear_flops = context_.encoder.linear_flops(static_cast<double>(counts.tokens),
                                                            static_cast<double>(vectors));
  batches_.report(report_.work);
  report_.memory.weights_bytes = context_.encoder.owned_bytes();
  for (const Window& window : windows_) report_.memory.window_bytes += window.bytes();
  report_.machine.workers = context_.options.threads;
  report_.interrupted = stopped_;
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
  const RunContext context{{tokenizer, options.prompt, resolve_max_tokens(options, encoder), true},
                           encoder,
                           spec,
                           options,
                           source,
                           rejects};
  Runner runner(context, sink, main_clock.timeline().origin());
  return runner.run(main_clock);
}

}  // namespace embedtool
