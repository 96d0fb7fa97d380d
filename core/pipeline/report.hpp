#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/perf_counters.hpp"
#include "core/base/profile.hpp"
#include "core/base/run_series.hpp"
#include "core/math/peaks.hpp"
#include "core/pipeline/tuner.hpp"

namespace embedtool {

/// Counts of sizes below 2^32, in LogBuckets; larger ones count as the largest.
struct SizeHistogram {
  std::array<std::uint64_t, LogBuckets::of(0xffffffffU) + 1> counts{};
  void add(std::uint64_t value);
  void merge(const SizeHistogram& other);
};

/// What one thread did: its stages add up to its lifetime.
struct ThreadAccount {
  std::string name;  ///< "main", "reader", "worker 0", "writer"
  StageTable stages;
  Timeline timeline;
  TraceLane lane;  ///< empty without --trace
};

/// A batch that was encoded, for drawing.
struct BatchSample {
  std::uint64_t window = 0;
  std::uint32_t texts = 0;
  std::uint32_t shortest = 0;  ///< tokens
  std::uint32_t longest = 0;
  std::uint64_t tokens = 0;
  std::uint64_t wall_ns = 0;
};

/// Tokens that had to be computed under three policies, all for the same texts.
struct PaddingAccount {
  std::uint64_t real = 0;     ///< no padding at all
  std::uint64_t arrival = 0;  ///< batches in arrival order, padded to their longest
  std::uint64_t sorted = 0;   ///< batches sorted by length, padded to their longest
  std::uint64_t actual = 0;   ///< rows computed by the linear layers (last block of rows padded)
};

// A run's account, measured: times in nanoseconds, sizes in bytes. Each group has one writer.

/// What was processed. Written by the writer thread, window by window; totals at the end of run().
struct RunCounts {
  std::uint64_t records = 0;  ///< accepted by the reader
  std::uint64_t rows = 0;     ///< written
  std::uint64_t rejected = 0;
  std::uint64_t truncated = 0;
  std::uint64_t duplicates = 0;  ///< rows whose vector was copied from an equal text's
  std::uint64_t reused = 0;      ///< rows that were copied from where RowReuse found them
  std::uint64_t checked = 0;     ///< rows that were found there, encoded all the same and compared
  std::uint64_t recovered = 0;   ///< texts whose row a run had computed that was then stopped
  std::uint64_t encoded = 0;     ///< texts that were encoded, checked ones included
  std::uint64_t ready_vectors = 0;
  std::uint64_t tokens = 0;  ///< encoded, duplicates not counted
  std::uint64_t batches = 0;
  std::uint64_t windows = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_unpacked = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t bytes_raw = 0;  ///< what the written rows take uncompressed
};

/// What changed between an earlier output and this run's. Written by the caller of run().
struct ChangeCounts {
  std::uint64_t inserted = 0;
  std::uint64_t updated = 0;
  std::uint64_t deleted = 0;
  std::uint64_t unchanged = 0;  ///< rows
  std::uint64_t ambiguous = 0;  ///< ids that several rows share, where these are not the same
};

/// What became chunks. Written by run().
struct ChunkCounts {
  std::uint64_t documents = 0;
  std::uint64_t chunks = 0;
  std::uint64_t overlap_tokens = 0;  ///< read twice, because two chunks have them
  std::uint64_t prefix_tokens = 0;   ///< put before chunks
  SizeHistogram lengths;             ///< tokens per chunk
  SizeHistogram per_document;        ///< chunks
};

/// What batches a worker encoded. Each worker fills its own; they are merged when it ends.
struct BatchCounts {
  SizeHistogram texts;
  SizeHistogram tokens;
  DurationHistogram wall;            ///< encode() of one batch
  std::vector<BatchSample> samples;  ///< the first of every worker

  void merge(const BatchCounts& other);
};

/// The shape of the work. Written by run().
struct RunWork {
  SizeHistogram text_lengths;  ///< tokens per encoded text
  BatchCounts batches;
  PaddingAccount padding;
  double linear_flops = 0;
  double attention_flops = 0;
  /// The minimum memory traffic: the weights once per batch; for each token its word row and, in
  /// and out of each block, its state.
  double least_bytes = 0;
  BatchLimits limits;             ///< of batches, at the end
  std::vector<TunerStep> tuning;  ///< the tuner's steps, if there was one
};

/// Where time went. Threads are added as they end; wall time by complete_report().
struct RunTimes {
  std::uint64_t wall_ns = 0;          ///< from the program's start to the report
  std::uint64_t encode_wall_ns = 0;   ///< from the first record read to the last row written
  std::uint64_t first_vector_ns = 0;  ///< from the program's start to the first window written
  std::uint64_t process_cpu_ns = 0;
  std::vector<ThreadAccount> threads;
  StageTable stages;  ///< sum over threads
  RunSeries series;   ///< throughput and memory over time

  /// Adds the account of a thread whose clock has stopped.
  void add_thread(std::string name, const StageClock& clock, TraceLane lane = {});
};

/// Where memory went. Buffers by run(), the process's by complete_report().
struct RunMemory {
  std::uint64_t peak_rss = 0;
  std::uint64_t rss_file = 0;         ///< resident at the end and mapped from files
  std::uint64_t rss_anonymous = 0;    ///< resident at the end, the process's own
  std::uint64_t weights_bytes = 0;    ///< packed or converted, in addition to the mapped file
  std::uint64_t window_bytes = 0;     ///< all windows in flight, and documents being cut
  std::uint64_t workspace_bytes = 0;  ///< all workers
  /// For the workers that encoded: computed from each window's largest batch before its batches
  /// ran.
  std::uint64_t workspace_predicted = 0;
};

/// What computed. Written by complete_report() and add_peaks().
struct RunMachine {
  std::size_t workers = 0;
  std::string compute;  ///< precision of the linear layers
  std::string gemm_backend;
  std::string gemm_kernels;
  std::string kernel_isa;
  PerfCounts counters;
  MachinePeaks peaks;
  std::string peaks_why_not;  ///< the reason, where they were not measured
};

struct RunReport {
  RunCounts counts;
  RunWork work;
  RunTimes times;
  RunMemory memory;
  RunMachine machine;
  std::optional<ChangeCounts> changes;        ///< none: nobody asked
  std::shared_ptr<const ChunkCounts> chunks;  ///< null: documents were not cut
  bool interrupted = false;
};

}  // namespace embedtool
