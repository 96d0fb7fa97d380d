// How close encoding comes to what the machine can do: from token ids in memory to normalized
// vectors, against the limit
//
//   L = linear FLOPs of the real tokens / GEMM peak of the precision
//     + attention FLOPs of the real tokens / f32 GEMM peak
//
// with all threads. The peaks are measured in the same run, in turn with the encoding: the best of
// the backends on the linear layers of real models. Prints one JSON object a round and precision.
//
// usage: [EMBEDTOOL_ISA=avx2] limit MODEL IDS.jsonl [ROUNDS [THREADS [BACKEND]]]
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "bench/forced_isa.hpp"
#include "bench/no_rejects.hpp"
#include "core/base/error.hpp"
#include "core/base/threads.hpp"
#include "core/math/gemm_backends.hpp"
#include "core/math/peaks.hpp"
#include "core/pipeline/run.hpp"
#include "formats/corpus/corpus.hpp"
#include "formats/model/load_model.hpp"

namespace {

using namespace embedtool;

/// A corpus in memory, handed out block by block, again and again.
class MemoryCorpus final : public DocumentSource {
 public:
  MemoryCorpus(const std::string& path, std::size_t vocab) {
    NoRejects rejects;
    CorpusOptions options;
    options.inputs = {path};
    options.vocab_size = vocab;
    const auto source = open_corpus(options, rejects);
    DocumentBlock block;
    while (source->read(block, RunOptions{}.window)) blocks_.push_back(block);
  }
  void rewind() { next_ = 0; }
  bool read(DocumentBlock& block, const BlockLimits&) override {
    if (next_ == blocks_.size()) return false;
    block = blocks_[next_++];
    return true;
  }
  SourceProgress progress() const override { return {}; }
  std::span<const std::string> file_names() const override { return names_; }

 private:
  std::vector<DocumentBlock> blocks_;
  std::size_t next_ = 0;
  std::vector<std::string> names_{"memory"};
};

class Discard final : public EmbeddingSink {
 public:
  void write(const EmbeddingBlock&) override {}
  void finish() override {}
  std::uint64_t bytes_written() const override { return 0; }
  std::uint64_t bytes_raw() const override { return 0; }
};

/// FLOP/s of `threads` threads on linear layers of real models: the best of the backends.
double gemm_peak(Compute compute, std::size_t threads) {
  constexpr std::uint64_t kEach = 60'000'000;  // nanoseconds
  double best = 0;
  for (const GemmBackend* backend : gemm_backends()) {
    if (backend == gemm_backends().back() || !backend->unavailable(compute).empty()) continue;
    for (const auto& [in, out] :
         {std::pair<std::size_t, std::size_t>{384, 1536}, {1536, 384}, {768, 3072}, {1536, 1536}}) {
      best = std::max(best, measure_gemm(*backend, compute, in, out, threads, kEach));
    }
  }
  return best;
}

struct Workload {
  const LoadedModel& model;
  MemoryCorpus& corpus;
  std::size_t threads;
  std::string backend;
};

nlohmann::json measure(const Workload& w, Compute compute, double peak, double f32_peak) {
  const GemmBackend& backend = select_gemm(w.backend, compute);
  const Encoder encoder(w.model.spec, w.model.head, *w.model.weights, backend, compute);
  OutputSpec spec;
  spec.dims = encoder.dims();
  Discard sink;
  NoRejects rejects;
  RunOptions options;
  options.threads = w.threads;
  StageClock clock;
  w.corpus.rewind();
  const std::uint64_t begin = monotonic_ns();
  const RunReport report = run(w.corpus, nullptr, encoder, spec, sink, rejects, options, clock);
  const double seconds = static_cast<double>(monotonic_ns() - begin) * 1e-9;
  double busy = 0;
  for (const ThreadAccount& thread : report.times.threads) {
    for (std::size_t s = 0; s < kStageCount; ++s) {
      const auto stage = static_cast<Stage>(s);
      if (stage != Stage::idle) busy += static_cast<double>(thread.stages[stage].cpu_ns) * 1e-9;
    }
  }
  const double limit = report.work.linear_flops / peak + report.work.attention_flops / f32_peak;
  const auto tokens = static_cast<double>(report.counts.tokens);
  return {{"compute", name_of(compute)},
          {"backend", backend.name()},
          {"kernels", backend.kernels(compute)},
          {"threads", w.threads},
          {"tokens", report.counts.tokens},
          {"seconds", seconds},
          {"tokens_per_s", tokens / seconds},
          {"gemm_peak", peak},
          {"gemm_peak_f32", f32_peak},
          {"limit_tokens_per_s", tokens / limit},
          {"of_limit", limit / seconds},
          {"cpu_utilization", busy / seconds / static_cast<double>(w.threads)}};
}

int limit_main(const std::vector<std::string>& arguments) {
  if (arguments.size() < 2) {
    std::cerr << "usage: limit MODEL IDS.jsonl [ROUNDS [THREADS [BACKEND]]]\n";
    return 2;
  }
  const auto argument = [&](std::size_t i, const std::string& otherwise) {
    return i < arguments.size() ? arguments[i] : otherwise;
  };
  follow_forced_isa();
  const LoadedModel model = load_model(arguments[0]);
  MemoryCorpus corpus(arguments[1], model.spec.vocab_size);
  const int rounds = std::stoi(argument(2, "5"));
  const std::size_t threads = std::stoul(argument(3, std::to_string(available_cpus())));
  const Workload workload{model, corpus, threads, argument(4, "auto")};
  for (int round = 0; round < rounds; ++round) {
    const double f32_peak = gemm_peak(Compute::f32, threads);
    for (const Compute compute : {Compute::f32, Compute::bf16, Compute::int8}) {
      if (!has_kernels(compute)) continue;
      try {
        const double peak = compute == Compute::f32 ? f32_peak : gemm_peak(compute, threads);
        std::cout << measure(workload, compute, peak, f32_peak).dump() << std::endl;
      } catch (const Error& error) {
        if (round == 0) std::cerr << name_of(compute) << ": " << error.what() << "\n";
      }
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return limit_main({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
