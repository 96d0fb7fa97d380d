#pragma once

// The EmbeddingSinks: Parquet shards, npy, JSON Lines, Arrow.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/ports.hpp"
#include "formats/output/run_dir.hpp"
#include "formats/output/shard_ledger.hpp"
#include "formats/parquet/parquet_writer.hpp"

namespace embedtool {

/// A shard ends with the row that reaches either size: a function of the rows alone, so that a
/// resumed run cuts as an uninterrupted one does.
struct ShardOptions {
  std::uint64_t rows_per_shard = 65536;
  std::uint64_t bytes_per_shard = std::uint64_t{512} << 20;  ///< of values, uncompressed
  ParquetOptions parquet{};
  /// Makes the rejects of all records before that position durable, before a shard relies on them.
  /// May be empty.
  std::function<RejectMark(std::uint64_t)> settle_rejects;
  /// An output without rows gets one shard without rows, so that readers find the columns.
  bool always_one = true;
};

/// data/part-00000.parquet …, each published when it is full. Continues after
/// run.completed_shards(): the rows written must then be those that follow, starting at the first
/// row of a record that is only partly in the last shard. `ledger` outlives the sink.
std::unique_ptr<EmbeddingSink> open_parquet_sink(ShardLedger& ledger, const OutputSpec& spec,
                                                 const ShardOptions& options);

/// embeddings.npy (vectors × elements: <f4, <f2, |i1; packed bits as |u1) and ids.jsonl, one line
/// per row: id, n_tokens, truncated, kept fields. Multi-vector output adds offsets.npy (rows + 1
/// indices into the vectors, <i8).
std::unique_ptr<EmbeddingSink> open_npy_sink(RunDirectory& run, const OutputSpec& spec);

/// embeddings.jsonl, one line per row: {"id":…,"embedding":[…]} and the kept fields.
std::unique_ptr<EmbeddingSink> open_jsonl_sink(RunDirectory& run, const OutputSpec& spec);

/// The same lines to a descriptor (stdout) that the caller owns; whole lines are written before
/// write() returns, so that a pipe's reader sees rows early. `name` is for messages. Throws
/// ClosedPipe (fd_sink.hpp) when the reader has closed the pipe; SIGPIPE must be ignored. `stop`
/// ends a wait for a slow reader, with an Error.
std::unique_ptr<EmbeddingSink> open_jsonl_stream(int fd, const std::string& name,
                                                 const OutputSpec& spec,
                                                 const std::atomic<bool>* stop = nullptr);

/// embeddings.arrow, an Arrow IPC file with the columns of the shards; a record batch per block.
std::unique_ptr<EmbeddingSink> open_arrow_sink(RunDirectory& run, const OutputSpec& spec);

/// The same batches as an Arrow IPC stream to a descriptor, as open_jsonl_stream().
std::unique_ptr<EmbeddingSink> open_arrow_stream(int fd, const std::string& name,
                                                 const OutputSpec& spec,
                                                 const std::atomic<bool>* stop = nullptr);

}  // namespace embedtool
