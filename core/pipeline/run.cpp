#include "core/pipeline/run.hpp"

#include <array>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/memory.hpp"
#include "core/base/pressure.hpp"
#include "core/base/threads.hpp"
#include "core/pipeline/batch_model.hpp"
#include "core/pipeline/tuner.hpp"
#include "core/pipeline/window.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kWindows = kWindowsInFlight;

/// Batches of each worker that the report draws.
constexpr std::size_t kBatchSamples = 256;

/// Ends `task` now and puts it on the thread's lane, where there is one.
void note_task(StageClock& clock, TraceTask task) {
  if (clock.lane() == nullptr) return;
  task.end_ns = monotonic_ns();
  clock.lane()->add(task);
}

/// Owns the threads and the windows of one run. All state below `mutex_` is guarded by it; windows
/// themselves are handed from thread to thread by their phase.
class Runner {
 public:
  Runner(const RunContext& context, EmbeddingSink& sink, std::uint64_t origin_ns)
      : context_(context), sink_(sink), origin_ns_(origin_ns) {}

  RunReport run(StageClock& main_clock);

 private:
  /// Where a window slot is. The slots form a ring in input order.
  enum class Phase : std::uint8_t { empty, tokenizing, encoding, done };

  struct Slot {
    Window window;
    Phase phase = Phase::empty;
    std::size_t next = 0;             ///< first chunk or batch not yet taken
    std::size_t pending = 0;          ///< chunks or batches not yet finished
    std::uint64_t number = 0;         ///< of the window, in input order
    std::uint64_t encode_cpu_ns = 0;  ///< of the batches that are finished
  };

  struct Task {
    Slot* slot = nullptr;
    Phase phase = Phase::empty;
    std::size_t index = 0;
  };

  void read_windows();
  void work(std::size_t worker);
  void write_windows();
  void watch(StageClock& clock);

  Task take_task_locked();
  void run_task(const Task& task, WorkerState& state, StageClock& clock);
  void complete(const Task& task, StageClock& clock);
  void begin_encoding(Slot& slot, StageClock& clock);
  BatchLimits choose_limits(const Window& window);
  void predict_workspace(const Window& window);
  void count_workspace_locked(const WorkerState& state);
  void measure_window_locked(const Slot& slot);
  void take_sample();
  template <typename Body>
  void start(std::vector<std::jthread>& threads, const Body& body);
  void fail(std::exception_ptr error);
  bool stopping_locked() const { return failure_ != nullptr || stopped_; }
  void poll_stop();
  RunProgress progress_locked() const;

  template <typename Body>
  void thread_body(const std::string& name, Stage first, const Body& body);

  const RunContext& context_;
  EmbeddingSink& sink_;
  const std::uint64_t origin_ns_;  ///< of all timelines
  const std::uint64_t begin_ns_ = monotonic_ns();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<Slot, kWindows> slots_;
  std::uint64_t windows_read_ = 0;  ///< slots [written, read) are in flight
  std::uint64_t windows_written_ = 0;
  bool input_ended_ = false;
  bool stopped_ = false;
  std::size_t threads_started_ = 0;
  std::size_t threads_ended_ = 0;
  std::exception_ptr failure_;
  std::uint64_t tokens_encoded_ = 0;
  BatchShape largest_;  ///< of all windows so far
  std::size_t worker_predicted_ = 0;
  std::optional<Tuner> tuner_;
  RunReport report_;
  std::atomic<std::uint64_t> tokens_computed_{0};  ///< batch by batch; for the series
  PressureGauge pressure_;
};

/// Runs `body(clock)` as a thread of this name, keeps its account, catches what it throws.
template <typename Body>
void Runner::thread_body(const std::string& name, Stage first, const Body& body) {
  name_thread(name.c_str());
  StageClock clock(first, origin_ns_);
  TraceLane lane;
  if (context_.options.trace) clock.record(&lane);
  try {
    body(clock);
  } catch (...) {
    fail(std::current_exception());
  }
  clock.stop();
  const std::lock_guard lock(mutex_);
  try {
    report_.add_thread(name, clock, std::move(lane));
  } catch (...) {  // out of memory; what leaves a thread's function would end the process
    if (failure_ == nullptr) failure_ = std::current_exception();
  }
  ++threads_ended_;
  changed_.notify_all();
}

template <typename Body>
void Runner::start(std::vector<std::jthread>& threads, const Body& body) {
  threads.emplace_back(body);
  const std::lock_guard lock(mutex_);
  ++threads_started_;
}

void Runner::fail(std::exception_ptr error) {
  const std::lock_guard lock(mutex_);
  if (failure_ == nullptr) failure_ = std::move(error);
  changed_.notify_all();
}

void Runner::read_windows() {
  thread_body("reader", Stage::read, [this](StageClock& clock) {
    while (true) {
      Slot& slot = slots_[windows_read_ % kWindows];
      {
        const StageScope idle(clock, Stage::idle);
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stopping_locked() || slot.phase == Phase::empty; });
        if (stopping_locked()) break;
      }
      const std::uint64_t begin = monotonic_ns();
      if (!slot.window.fill(context_, clock)) break;
      const std::size_t chunks = slot.window.chunks();
      note_task(clock, {TraceTask::Kind::read, begin, 0, windows_read_, slot.window.records(), 0});
      {
        const std::lock_guard lock(mutex_);
        slot.phase = Phase::tokenizing;
        slot.next = 0;
        slot.pending = chunks;
        slot.number = windows_read_;
        ++windows_read_;
        changed_.notify_all();
      }
      if (chunks == 0) begin_encoding(slot, clock);  // ready vectors only
    }
    poll_stop();  // a source that was told to stop ends too: that is not the end of the input
    const std::lock_guard lock(mutex_);
    input_ended_ = true;
    changed_.notify_all();
  });
}

/// Tokenizing of a later window goes before encoding of an earlier one: it is short, and it makes
/// sure that workers find batches of the next window when this one runs out.
Runner::Task Runner::take_task_locked() {
  for (const Phase phase : {Phase::tokenizing, Phase::encoding}) {
    for (std::uint64_t w = windows_written_; w < windows_read_; ++w) {
      Slot& slot = slots_[w % kWindows];
      if (slot.phase != phase) continue;
      const std::size_t count =
          phase == Phase::tokenizing ? slot.window.chunks() : slot.window.batches();
      if (slot.next < count) return {&slot, phase, slot.next++};
    }
  }
  return {};
}

void Runner::work(std::size_t worker) {
  thread_body("worker " + std::to_string(worker), Stage::idle, [this, worker](StageClock& clock) {
    // Where it is refused, the kernel goes on choosing.
    if (context_.options.pin) pin_thread(worker);
    WorkerState state;
    state.counts.batch_samples.reserve(kBatchSamples);
    while (true) {
      Task task;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] {
          if (stopping_locked()) return true;
          task = take_task_locked();
          return task.slot != nullptr || (input_ended_ && windows_written_ == windows_read_);
        });
        if (task.slot == nullptr || stopping_locked()) break;
      }
      run_task(task, state, clock);
      complete(task, clock);
      if (clock.current() != Stage::idle) clock.enter(Stage::idle);
    }
    const std::lock_guard lock(mutex_);
    report_.batch_wall.merge(state.counts.batch_wall);
    report_.batch_texts.merge(state.counts.batch_texts);
    report_.batch_tokens.merge(state.counts.batch_tokens);
    report_.batch_samples.insert(report_.batch_samples.end(), state.counts.batch_samples.begin(),
                                 state.counts.batch_samples.end());
    count_workspace_locked(state);
  });
}

void Runner::run_task(const Task& task, WorkerState& state, StageClock& clock) {
  const std::uint64_t begin = monotonic_ns();
  Window& window = task.slot->window;
  const std::uint64_t number = task.slot->number;
  if (task.phase == Phase::tokenizing) {
    clock.enter(Stage::tokenize);
    window.tokenize(context_, task.index, state);
    note_task(clock, {TraceTask::Kind::tokenize, begin, 0, number, 0, 0});
    return;
  }
  clock.begin_batch(Stage::batch);
  window.encode(context_, task.index, state, clock);
  clock.end_batch(Stage::idle);
  state.counts.batch_wall.add(clock.batch_wall_ns());
  const PlannedBatch& batch = window.cuts().batches[task.index];
  tokens_computed_.fetch_add(batch.tokens, std::memory_order_relaxed);
  if (state.counts.batch_samples.size() < kBatchSamples) {
    state.counts.batch_samples.push_back(
        {number, batch.count, batch.shortest, batch.longest, batch.tokens, clock.batch_wall_ns()});
  }
  note_task(clock, {TraceTask::Kind::encode, begin, 0, number, batch.count, batch.tokens});
}

/// Counts a task as done; the last of a phase takes its window to the next phase.
void Runner::complete(const Task& task, StageClock& clock) {
  Slot& slot = *task.slot;
  {
    const std::lock_guard lock(mutex_);
    if (task.phase == Phase::encoding) slot.encode_cpu_ns += clock.batch_cpu_ns();
    if (--slot.pending > 0) return;
  }
  if (task.phase == Phase::tokenizing) {
    begin_encoding(slot, clock);
    return;
  }
  clock.enter(Stage::plan);
  slot.window.finish(context_);
  const std::lock_guard lock(mutex_);
  measure_window_locked(slot);
  slot.phase = Phase::done;
  changed_.notify_all();
}

void Runner::begin_encoding(Slot& slot, StageClock& clock) {
  const StageScope planning(clock, Stage::plan);
  slot.window.plan(context_);
  slot.window.cut(choose_limits(slot.window), context_.options.threads);
  predict_workspace(slot.window);
  const std::size_t batches = slot.window.batches();
  if (batches == 0) slot.window.finish(context_);
  const std::lock_guard lock(mutex_);
  slot.next = 0;
  slot.pending = batches;
  slot.encode_cpu_ns = 0;
  slot.phase = batches == 0 ? Phase::done : Phase::encoding;
  changed_.notify_all();
}

/// The limits that the next window is cut by.
BatchLimits Runner::choose_limits(const Window& window) {
  if (!context_.options.auto_batch) return context_.options.batch;
  const std::lock_guard lock(mutex_);
  if (!tuner_) {
    if (window.lengths().empty()) return context_.options.batch;
    const BatchChoice choice =
        choose_batch(window.lengths(), context_.encoder, context_.options.threads,
                     context_.options.batch, context_.options.batch_memory);
    tuner_.emplace(choice.start, choice.most);
  }
  return tuner_->next();
}

/// What the model of workspace bytes says of a window before any of its batches has run.
void Runner::predict_workspace(const Window& window) {
  const std::lock_guard lock(mutex_);
  widen(largest_, window.largest());
  worker_predicted_ = worker_bytes(context_.encoder, largest_);
}

/// A worker that has ended: what it held, and what was predicted for one that encodes.
void Runner::count_workspace_locked(const WorkerState& state) {
  const std::size_t held = state.workspace.bytes() + state.rows.bytes();
  report_.workspace_bytes += held;
  if (held > 0) report_.workspace_predicted += worker_predicted_;
}

/// Tells the tuner what a window has cost: CPU time, which other programs disturb less than wall
/// time, per unit of work, so that windows of longer texts compare with windows of shorter ones.
void Runner::measure_window_locked(const Slot& slot) {
  if (!tuner_) return;
  const double work = encode_work(context_.encoder, slot.window.lengths());
  if (work > 0) tuner_->measured(slot.window.limits(), double(slot.encode_cpu_ns) / work);
}

void Runner::write_windows() {
  thread_body("writer", Stage::write, [this](StageClock& clock) {
    while (true) {
      Slot& slot = slots_[windows_written_ % kWindows];
      {
        const StageScope idle(clock, Stage::idle);
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] {
          return stopping_locked() || slot.phase == Phase::done ||
                 (input_ended_ && windows_written_ == windows_read_);
        });
        if (stopping_locked() || slot.phase != Phase::done) break;
      }
      const EmbeddingBlock block = slot.window.rows();
      const std::uint64_t begin = monotonic_ns();
      if (!block.rows.empty()) sink_.write(block);
      note_task(clock, {TraceTask::Kind::write, begin, 0, windows_written_, block.rows.size(), 0});
      context_.rejects.settle(block.documents->end);
      const std::lock_guard lock(mutex_);
      if (windows_written_ == 0) report_.first_vector_ns = monotonic_ns();
      slot.window.account(context_, report_);
      tokens_encoded_ = report_.tokens;
      slot.phase = Phase::empty;
      ++windows_written_;
      changed_.notify_all();
    }
    const bool complete = [this] {
      const std::lock_guard lock(mutex_);
      return !stopping_locked();
    }();
    if (complete) sink_.finish();
  });
}

void Runner::poll_stop() {
  if (context_.options.stop == nullptr || !context_.options.stop->load()) return;
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

RunProgress Runner::progress_locked() const {
  const SourceProgress source = context_.source.progress();
  return {source.records,    report_.rows,       tokens_encoded_,
          source.bytes_read, source.bytes_total, monotonic_ns() - begin_ns_};
}

/// The calling thread: shows progress and passes a stop on, until the others have ended.
void Runner::watch(StageClock& clock) {
  constexpr auto kTick = std::chrono::milliseconds(100);
  const StageScope idle(clock, Stage::idle);
  std::uint64_t shown_ns = 0;
  while (true) {
    RunProgress progress;
    {
      const auto tick = std::min<std::chrono::nanoseconds>(
          kTick, std::chrono::nanoseconds(report_.series.period_ns()));
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, tick, [this] { return threads_ended_ == threads_started_; }))
        break;
      progress = progress_locked();
    }
    take_sample();
    const std::uint64_t now = monotonic_ns();
    if (now - shown_ns < std::uint64_t(kTick / std::chrono::nanoseconds(1))) continue;
    shown_ns = now;
    if (pressure_.is_tight(now)) {
      const std::lock_guard lock(mutex_);
      if (tuner_) tuner_->relieve();
    }
    if (context_.options.progress) context_.options.progress(progress);
    poll_stop();
  }
  take_sample();
}

/// Only the calling thread touches the series.
void Runner::take_sample() {
  const std::uint64_t time = monotonic_ns() - origin_ns_;
  if (!report_.series.due(time)) return;
  const ProcessMemory memory = process_memory();
  std::uint64_t rows = 0;
  {
    const std::lock_guard lock(mutex_);
    rows = report_.rows;
  }
  report_.series.add({time, tokens_computed_.load(std::memory_order_relaxed), rows, memory.resident,
                      memory.resident_file});
}

RunReport Runner::run(StageClock& main_clock) {
  std::vector<std::jthread> threads;
  const std::size_t workers = context_.options.threads;
  try {
    threads.reserve(workers + 2);
    start(threads, [this] { read_windows(); });
    for (std::size_t i = 0; i < workers; ++i) start(threads, [this, i] { work(i); });
    start(threads, [this] { write_windows(); });
  } catch (...) {  // the system gives no more threads: those that run must hear of it, or wait
    fail(std::current_exception());
  }
  watch(main_clock);
  threads.clear();  // joins
  if (failure_ != nullptr) std::rethrow_exception(failure_);

  RunReport& r = report_;
  const SourceProgress source = context_.source.progress();
  r.rejected = source.rejected + (r.records - r.rows);  // unreadable, and too long under skip
  r.bytes_read = source.bytes_read;
  r.bytes_unpacked = source.bytes_unpacked;
  r.bytes_written = sink_.bytes_written();
  r.bytes_raw = sink_.bytes_raw();
  r.encode_wall_ns = monotonic_ns() - begin_ns_;
  r.linear_flops = context_.encoder.linear_flops_per_token() * static_cast<double>(r.tokens);
  r.weights_bytes = context_.encoder.owned_bytes();
  for (const Slot& slot : slots_) r.window_bytes += slot.window.bytes();
  r.workers = workers;
  r.batch = tuner_ ? tuner_->choice() : context_.options.batch;
  if (tuner_) r.tuning = tuner_->history();
  r.interrupted = stopped_;
  return r;
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
  const RunContext context{
      tokenizer, encoder, spec, options, source, rejects, resolve_max_tokens(options, encoder)};
  Runner runner(context, sink, main_clock.timeline().origin());
  return runner.run(main_clock);
}

}  // namespace embedtool
