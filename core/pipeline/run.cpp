#include "core/pipeline/run.hpp"

#include <array>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/memory.hpp"
#include "core/base/threads.hpp"
#include "core/pipeline/window.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kWindows = kWindowsInFlight;

/// Owns the threads and the windows of one run. All state below `mutex_` is guarded by it; windows
/// themselves are handed from thread to thread by their phase.
class Runner {
 public:
  Runner(const RunContext& context, EmbeddingSink& sink) : context_(context), sink_(sink) {}

  RunReport run(StageClock& main_clock);

 private:
  /// Where a window slot is. The slots form a ring in input order.
  enum class Phase : std::uint8_t { empty, tokenizing, encoding, done };

  struct Slot {
    Window window;
    Phase phase = Phase::empty;
    std::size_t next = 0;     ///< first chunk or batch not yet taken
    std::size_t pending = 0;  ///< chunks or batches not yet finished
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
  void fail(std::exception_ptr error);
  bool stopping_locked() const { return failure_ != nullptr || stopped_; }
  void poll_stop();
  RunProgress progress_locked() const;

  template <typename Body>
  void thread_body(const std::string& name, Stage first, const Body& body);

  const RunContext& context_;
  EmbeddingSink& sink_;
  const std::uint64_t begin_ns_ = monotonic_ns();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<Slot, kWindows> slots_;
  std::uint64_t windows_read_ = 0;  ///< slots [written, read) are in flight
  std::uint64_t windows_written_ = 0;
  bool input_ended_ = false;
  bool stopped_ = false;
  std::size_t threads_running_ = 0;
  std::exception_ptr failure_;
  std::uint64_t tokens_encoded_ = 0;
  RunReport report_;
};

/// Runs `body(clock)` as a thread of this name, keeps its account, catches what it throws.
template <typename Body>
void Runner::thread_body(const std::string& name, Stage first, const Body& body) {
  name_thread(name.c_str());
  StageClock clock(first);
  try {
    body(clock);
  } catch (...) {
    fail(std::current_exception());
  }
  const StageTable& stages = clock.stop();
  const std::lock_guard lock(mutex_);
  report_.add_thread(name, stages);
  --threads_running_;
  changed_.notify_all();
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
      if (!slot.window.fill(context_, clock)) break;
      const std::size_t chunks = slot.window.chunks();
      {
        const std::lock_guard lock(mutex_);
        slot.phase = Phase::tokenizing;
        slot.next = 0;
        slot.pending = chunks;
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
      clock.enter(Stage::idle);
    }
    const std::lock_guard lock(mutex_);
    report_.batch_wall.merge(state.counts.batch_wall);
    report_.batch_texts.merge(state.counts.batch_texts);
    report_.batch_tokens.merge(state.counts.batch_tokens);
    report_.padding.actual += state.counts.padding.actual;
    report_.workspace_bytes += state.workspace.bytes() + state.vectors.bytes();
  });
}

void Runner::run_task(const Task& task, WorkerState& state, StageClock& clock) {
  if (task.phase == Phase::tokenizing) {
    clock.enter(Stage::tokenize);
    task.slot->window.tokenize(context_, task.index, state);
    return;
  }
  const std::uint64_t begin = monotonic_ns();
  task.slot->window.encode(context_, task.index, state, clock);
  state.counts.batch_wall.add(monotonic_ns() - begin);
}

/// Counts a task as done; the last of a phase takes its window to the next phase.
void Runner::complete(const Task& task, StageClock& clock) {
  Slot& slot = *task.slot;
  {
    const std::lock_guard lock(mutex_);
    if (--slot.pending > 0) return;
  }
  if (task.phase == Phase::tokenizing) {
    begin_encoding(slot, clock);
    return;
  }
  clock.enter(Stage::plan);
  slot.window.finish(context_);
  const std::lock_guard lock(mutex_);
  slot.phase = Phase::done;
  changed_.notify_all();
}

void Runner::begin_encoding(Slot& slot, StageClock& clock) {
  const StageScope planning(clock, Stage::plan);
  slot.window.plan(context_);
  const std::size_t batches = slot.window.batches();
  if (batches == 0) slot.window.finish(context_);
  const std::lock_guard lock(mutex_);
  slot.next = 0;
  slot.pending = batches;
  slot.phase = batches == 0 ? Phase::done : Phase::encoding;
  changed_.notify_all();
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
      if (!block.rows.empty()) sink_.write(block);
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
  while (true) {
    RunProgress progress;
    {
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, kTick, [this] { return threads_running_ == 0; })) return;
      progress = progress_locked();
    }
    if (context_.options.progress) context_.options.progress(progress);
    poll_stop();
  }
}

RunReport Runner::run(StageClock& main_clock) {
  std::vector<std::jthread> threads;
  const std::size_t workers = context_.options.threads;
  threads_running_ = workers + 2;
  threads.emplace_back([this] { read_windows(); });
  for (std::size_t i = 0; i < workers; ++i) threads.emplace_back([this, i] { work(i); });
  threads.emplace_back([this] { write_windows(); });
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
  Runner runner(context, sink);
  return runner.run(main_clock);
}

}  // namespace embedtool
