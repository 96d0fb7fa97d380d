// A source, a tokenizer or a sink that throws inside a run, and a system that gives no more
// threads: run() throws that error after all of its threads have ended, and publishes nothing.
#include "core/pipeline/run.hpp"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <exception>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.hpp"
#include "core/math/gemm_backends.hpp"
#include "tests/support/memory_model.hpp"

namespace {

constexpr long kUnlimited = std::numeric_limits<long>::max();

/// Threads that may still be started; beyond them pthread_create() fails.
std::atomic<long> threads_left{kUnlimited};

}  // namespace

// Stands before the C library's, which does the work.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*body)(void*), void* argument) noexcept {
  if (threads_left.load() != kUnlimited && threads_left.fetch_sub(1) <= 0) return EAGAIN;
  static const auto create =
      reinterpret_cast<decltype(&pthread_create)>(::dlsym(RTLD_NEXT, "pthread_create"));
  return create(thread, attributes, body, argument);
}

namespace embedtool {
namespace {

using ::testing::HasSubstr;

/// Throws at its k-th call, counted over all threads; 0 = never.
class Fuse {
 public:
  explicit Fuse(long k) : calls_(k == 0 ? kUnlimited : k) {}
  void count(const char* what) {
    if (calls_.fetch_sub(1) == 1) throw Error(ExitCode::failed, "{} failed", what);
  }

 private:
  std::atomic<long> calls_;
};

/// Which call fails, by what is called; 0 = none.
struct Faults {
  long read = 0;
  long make_scratch = 0;
  long tokenize = 0;
  long write = 0;
  long finish = 0;
  long settle = 0;
  long progress = 0;  ///< the source waits for the first call
};

/// `count` short texts, "text 0" and so on.
class TextSource final : public DocumentSource {
 public:
  /// Reads on only once `gate` is true.
  TextSource(std::size_t count, long fault, const std::atomic<bool>& gate)
      : count_(count), fuse_(fault), gate_(gate) {}

  bool read(DocumentBlock& block, const BlockLimits& limits) override {
    fuse_.count("the source");
    gate_.wait(false);
    block.clear();
    for (; next_ < count_ && block.records.size() < limits.records; ++next_) {
      Record record;
      record.ordinal = record.position = next_;
      record.id = block.append(std::to_string(next_));
      record.payload = block.append("text " + std::to_string(next_));
      block.records.push_back(record);
    }
    block.end = next_;
    return !block.records.empty();
  }
  SourceProgress progress() const override { return {}; }
  std::span<const std::string> file_names() const override { return {}; }

 private:
  std::size_t count_;
  std::size_t next_ = 0;
  Fuse fuse_;
  const std::atomic<bool>& gate_;
};

/// One token a byte.
class ByteTokenizer final : public Tokenizer {
 public:
  explicit ByteTokenizer(const Faults& faults)
      : make_fuse_(faults.make_scratch), encode_fuse_(faults.tokenize) {}

  std::unique_ptr<Scratch> make_scratch() const override {
    make_fuse_.count("the tokenizer's scratch");
    return std::make_unique<CountedScratch>(alive_);
  }
  TokenizeResult encode(std::string_view text, const TokenizeOptions&, Scratch&,
                        std::vector<TokenId>& out) const override {
    encode_fuse_.count("the tokenizer");
    for (const char c : text) out.push_back(static_cast<TokenId>(static_cast<unsigned char>(c)));
    return {static_cast<std::uint32_t>(text.size()), false};
  }
  std::size_t vocab_size() const override { return 128; }
  std::string token(TokenId) const override { return ""; }
  std::string_view kind() const override { return "bytes"; }

  /// Scratches that threads hold: 0 when all have ended.
  int alive() const { return alive_.load(); }

 private:
  struct CountedScratch final : Scratch {
    explicit CountedScratch(std::atomic<int>& counter) : alive(counter) { ++alive; }
    ~CountedScratch() override { --alive; }
    std::atomic<int>& alive;
  };

  mutable Fuse make_fuse_;
  mutable Fuse encode_fuse_;
  mutable std::atomic<int> alive_{0};
};

class FailingSink final : public EmbeddingSink {
 public:
  explicit FailingSink(const Faults& faults)
      : write_fuse_(faults.write), finish_fuse_(faults.finish) {}

  void write(const EmbeddingBlock& block) override {
    write_fuse_.count("the sink");
    for (const RowInfo& row : block.rows) {
      ids.push_back(std::string(block.documents->id(block.documents->records[row.record])));
    }
  }
  void finish() override {
    finish_fuse_.count("publishing");
    finished = true;
  }
  std::uint64_t bytes_written() const override { return 0; }
  std::uint64_t bytes_raw() const override { return 0; }

  std::vector<std::string> ids;
  bool finished = false;

 private:
  Fuse write_fuse_;
  Fuse finish_fuse_;
};

class FailingRejects final : public RejectSink {
 public:
  explicit FailingRejects(long fault) : fuse_(fault) {}
  void add(const Reject&) override {}
  void settle(std::uint64_t) override { fuse_.count("the file of rejects"); }

 private:
  Fuse fuse_;
};

constexpr std::size_t kRecords = 200;
constexpr std::size_t kWindow = 10;

/// The parameter is the number of workers.
class RunFailures : public ::testing::TestWithParam<std::size_t> {
 protected:
  RunFailures() {
    testing::fill_weights(spec_, weights_);
    encoder_.emplace(spec_, HeadSpec(), weights_, *gemm_backends().back());
    output_.dims = encoder_->dims();
  }
  ~RunFailures() override { threads_left = kUnlimited; }

  /// What run() throws, as text; "" when it succeeds.
  std::string error_of(const Faults& faults) {
    std::atomic<bool> gate{faults.progress == 0};
    TextSource source(kRecords, faults.read, gate);
    Fuse progress(faults.progress);
    const ByteTokenizer tokenizer(faults);
    FailingSink sink(faults);
    FailingRejects rejects(faults.settle);
    RunOptions options;
    options.progress = [&](const RunProgress&) {
      gate = true;
      gate.notify_all();
      progress.count("the progress display");
    };
    options.threads = GetParam();
    options.batch.texts = 3;
    options.window.records = kWindow;
    StageClock clock;
    std::string error;
    try {
      run(source, &tokenizer, *encoder_, output_, sink, rejects, options, clock);
    } catch (const std::exception& thrown) {
      error = thrown.what();
    }
    EXPECT_EQ(tokenizer.alive(), 0);
    EXPECT_EQ(sink.finished, error.empty());
    for (std::size_t i = 0; i < sink.ids.size(); ++i) EXPECT_EQ(sink.ids[i], std::to_string(i));
    written_ = sink.ids.size();
    return error;
  }

  ModelSpec spec_ = testing::small_bert(20, 1);
  testing::MemoryWeights weights_;
  std::optional<Encoder> encoder_;
  OutputSpec output_;
  std::size_t written_ = 0;  ///< rows that the last run's sink took
};

TEST_P(RunFailures, NothingFails) {
  EXPECT_EQ(error_of({}), "");
  EXPECT_EQ(written_, kRecords);
}

TEST_P(RunFailures, TheSourceThrows) {
  for (const long call : {1, 2, 7, 20}) {
    EXPECT_EQ(error_of({.read = call}), "the source failed") << call;
    EXPECT_LE(written_, static_cast<std::size_t>(call - 1) * kWindow);
  }
}

TEST_P(RunFailures, TheTokenizerThrows) {
  for (const long call : {1, 15, 200}) {
    EXPECT_EQ(error_of({.tokenize = call}), "the tokenizer failed") << call;
    EXPECT_LT(written_, kRecords);
  }
  EXPECT_EQ(error_of({.make_scratch = 1}), "the tokenizer's scratch failed");
  EXPECT_LT(written_, kRecords);
}

TEST_P(RunFailures, TheSinkThrows) {
  for (const long call : {1, 3, 20}) {
    EXPECT_EQ(error_of({.write = call}), "the sink failed") << call;
    EXPECT_EQ(written_, static_cast<std::size_t>(call - 1) * kWindow);
  }
  EXPECT_EQ(error_of({.finish = 1}), "publishing failed");
  EXPECT_EQ(written_, kRecords);
}

TEST_P(RunFailures, TheProgressDisplayThrows) {
  EXPECT_EQ(error_of({.progress = 1}), "the progress display failed");
}

TEST_P(RunFailures, TheRejectSinkThrows) {
  EXPECT_EQ(error_of({.settle = 2}), "the file of rejects failed");
  EXPECT_EQ(written_, 2 * kWindow);
}

// The writer stops at its first error, so the source's later one cannot take its place: the source
// is read again only after slots have been emptied, and the first write never empties one.
TEST_P(RunFailures, TheFirstOfSeveralErrorsIsThrown) {
  EXPECT_EQ(error_of({.read = static_cast<long>(kWindowsInFlight) + 1, .write = 1}),
            "the sink failed");
  EXPECT_EQ(written_, 0U);
}

TEST_P(RunFailures, TheSystemGivesNoMoreThreads) {
  // A reader, the workers, and a writer.
  const long needed = static_cast<long>(GetParam()) + 2;
  for (long given = 0; given < needed; ++given) {
    threads_left = given;
    EXPECT_THAT(error_of({}), HasSubstr("Resource temporarily unavailable")) << given;
    EXPECT_EQ(written_, 0U);
  }
  threads_left = needed;
  EXPECT_EQ(error_of({}), "");
}

INSTANTIATE_TEST_SUITE_P(Workers, RunFailures, ::testing::Values(1, 3));

}  // namespace
}  // namespace embedtool
