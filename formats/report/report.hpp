#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/pipeline/report.hpp"

namespace embedtool {

/// What a report contains in addition to the run's own account.
struct ReportContext {
  std::string program;      ///< "embedtool 0.1.0"
  std::string model;        ///< name and …
  std::string fingerprint;  ///< … content hash of the model
  std::size_t dims = 0;
  std::string dtype;                ///< output element type
  std::size_t cpus = 1;             ///< that the run could use
  std::uint64_t duplicate_ids = 0;  ///< records with the id of an earlier record
  bool all_ids_known = true;        ///< false: only among the first ids, and there may be more
  std::size_t resumed_shards = 0;   ///< from an earlier run; not in this run's account
  std::uint64_t resumed_rows = 0;
  std::uint64_t startup_cpu_ns = 0;  ///< CPU time before the main thread's account began
  std::vector<std::pair<std::string, std::string>> settings;  ///< name → value, in order
};

/// The report as JSON, indented, ending in a line break. Schema 2, all figures measured; times in
/// milliseconds unless the name says otherwise, sizes in bytes unless it says `_mb` (10^6 bytes):
///
///   schema                     2; a new number when a field changes its meaning or goes away
///   program, model {name, fingerprint, dims, dtype}, settings {…}
///   interrupted                the run was stopped by a signal
///   resumed {shards, rows}     what an earlier run had left; all other figures are this run's
///   tokenization_ms            CPU time, all threads: stage tokenize
///   tensor_conversion_ms       batch: building ragged batches
///   model_inference_ms         lookup + gemm + attention + elementwise + head
///   pooling_ms                 pool
///   normalization_ms           normalize
///   total_ms                   wall time from the program's start to the report
///   encode_ms, first_vector_ms wall time: first record read → last row written; start → first rows
///   cpu_ms                     CPU time of the process, user and system; the stages add up to it
///   texts_per_second           rows / encode_ms
///   tokens_per_second          tokens encoded / encode_ms
///   gflops                     {linear, attention, total}: 10^9 floating point operations of the
///                              linear layers and of attention, per second of encode_ms
///   memory_peak_mb             peak resident set, from the OS
///   cpu_utilization_percent    cpu_ms / (total_ms × cpus)
///   gpu_utilization_percent    null: nothing runs on a GPU
///   counts     {texts, rows, rejected, truncated, duplicates, ready_vectors, reused, checked,
///              recovered,
///              encoded, tokens, batches, windows, duplicate_ids, duplicate_ids_exact};
///              duplicates: rows whose vector was copied from an earlier row of an equal text;
///              reused: texts whose row was copied from an earlier output; checked: texts whose row
///              was found there, encoded again and compared; recovered: texts whose row a run had
///              computed that was stopped before its shard was complete; encoded: texts that the
///              model saw; not exact: ids are kept up to a number only
///   changes    {inserted, updated, deleted, unchanged, ambiguous} against the earlier output,
///   under
///              --changes; else null. Rows of the feed, rows, and ids
///   stages     name → {wall_ms, cpu_ms, calls, p50_ms, p90_ms, p99_ms, batch_ms}: sums over
///              threads; quantiles of one call's wall time and, in batch_ms, of what a batch spent
///              in it (null outside of batches). `startup` is CPU time before main()'s account
///   batch_ms   {p50, p90, p99, count}: wall time of encoding one batch
///   threads    [{name, wall_ms, cpu_ms, idle_ms, stages {name → {wall_ms, cpu_ms}}}]
///   padding    tokens computed {real, arrival, sorted, actual} and what padding adds in percent of
///              real {arrival_percent, sorted_percent, actual_percent}: fixed batches in arrival
///              order, the same sorted by length, and ours
///   lengths, batch_texts, batch_tokens   [{from, to, count}], to exclusive: tokens per text, and
///              texts and tokens per batch
///   bytes      {in, unpacked, out, raw, compression_ratio = raw / out}
///   memory     {peak_rss, weights, workspace, workspace_predicted, workspace_error_percent,
///   windows,
///              mapped_files, rest, over_time [{ms, resident, file}]}: weights, workspaces and
///              windows as allocated, the others as resident at the end; predicted: of the workers
///              that encoded, by every window's largest batch, before its batches ran
///   accounting {cpu_stages_ms, cpu_unexplained_percent, wall_main_ms, wall_unexplained_percent}:
///              the stages' CPU time against cpu_ms, the main thread's account against total_ms
///   roofline   {flops, least_bytes, flops_per_byte, gflops, gbytes_per_second, peak_gflops,
///              peak_gflops_f32, peak_gbytes_per_second, limit, of_limit_percent, why_not}: the
///              peaks are measured after the run, or null with the reason in why_not; least_bytes:
///              every batch reads the weights once, every token's row and states pass once a block;
///              of_limit: the time in which the peaks could have done it / encode_ms
///   counters   {instructions, cycles, cache_misses, instructions_per_cycle, why_not}
///   batching   {texts, tokens, tuner [{step, window, from, to, gain_percent, noise_percent}],
///              first_window [{texts, shortest, longest, tokens, ms}]}: limits at the end, what the
///              tuner did, and the batches of the first window
///   timeline   {slot_ms, threads [{name, percent {lane → [share of slot]}}],
///              progress [{ms, tokens, rows}]}; what a lane's slots lack to 100 % is idleness
///   advice     [sentence]: what to change to go faster
///   compute    {precision, backend, kernels, isa, workers, cpus}
///
/// A figure that has no meaning in this run (a rate over no time) is null.
std::string report_json(const RunReport& report, const ReportContext& context);

/// Sum of the CPU time of the stages that the report calls model inference, in nanoseconds.
std::uint64_t inference_cpu_ns(const StageTable& stages);

}  // namespace embedtool
