#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "core/base/enum_words.hpp"
#include "core/pipeline/planner.hpp"
#include "core/ports.hpp"
#include "core/row_reuse.hpp"
#include "core/text/chunk/chunk_rule.hpp"

namespace embedtool {

/// Windows in flight: one being read and tokenized, one being encoded, one being written, and one
/// more so that none of the three ever waits for a slot.
inline constexpr std::size_t kWindowsInFlight = 4;

/// What to do with a text that has more tokens than the model accepts.
enum class OnLong : std::uint8_t { truncate, chunk, skip, fail };
template <>
inline constexpr auto enum_words<OnLong> = std::to_array<EnumWord<OnLong>>({
    {OnLong::truncate, "truncate"},
    {OnLong::chunk, "chunk"},
    {OnLong::skip, "skip"},
    {OnLong::fail, "fail"},
});

/// What a document's chunks become: rows of their own, or one row, which has their mean, weighted
/// by tokens, or the largest value of each element.
enum class ChunkJoin : std::uint8_t { none, mean, max };
template <>
inline constexpr auto enum_words<ChunkJoin> = std::to_array<EnumWord<ChunkJoin>>({
    {ChunkJoin::none, "none"},
    {ChunkJoin::mean, "mean"},
    {ChunkJoin::max, "max"},
});

/// Of what a chunk's vector is made: of the chunk alone, or of its tokens' states when the model
/// has read the document (late chunking).
enum class ChunkPooling : std::uint8_t { own, late };
template <>
inline constexpr auto enum_words<ChunkPooling> = std::to_array<EnumWord<ChunkPooling>>({
    {ChunkPooling::own, "own"},
    {ChunkPooling::late, "late"},
});

/// How documents become chunks, under OnLong::chunk.
struct ChunkOptions {
  ChunkRule rule;
  std::size_t tokens = 0;  ///< most of a chunk, at most RunOptions::max_tokens; 0 = as many
  /// `late`: for an encoder that averages(); no overlap, no prefix, no ready vectors, no reuse.
  ChunkPooling pooling = ChunkPooling::own;
  ChunkJoin join = ChunkJoin::none;  ///< else rows are dense
  bool normalize = true;             ///< joined vectors, as the model's are
  /// The last kept field of a document is a text to be put before each of its chunks, and is not
  /// kept; an empty one is left out.
  bool prefixed = false;
  std::string joiner = " ";  ///< between that and the chunk
};

/// How far a run has come; for a progress display.
struct RunProgress {
  std::uint64_t records_read = 0;
  std::uint64_t rows_written = 0;
  std::uint64_t tokens_encoded = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_total = 0;  ///< 0 = unknown
  std::uint64_t elapsed_ns = 0;   ///< since run() began
};

struct RunOptions {
  std::size_t threads = 1;  ///< encoding workers
  bool pin = false;         ///< bind each worker to a CPU
  BatchLimits batch;
  /// Choose limits within `batch` from the first window's lengths (choose_batch()), then let a
  /// Tuner adjust them.
  bool auto_batch = false;
  /// Memory allowed for all workers' buffers when batches are chosen; 0 = no limit.
  std::uint64_t batch_memory = 0;
  bool trace = false;  ///< keep every thread's events in the report
  BlockLimits window{8192, std::size_t{16} << 20U};
  std::size_t max_tokens = 0;  ///< special tokens included; 0 = the model's limit
  OnLong on_long = OnLong::truncate;
  ChunkOptions chunks;
  std::string prompt;                       ///< put before every text
  const std::atomic<bool>* stop = nullptr;  ///< set by a signal handler: stop soon, unfinished
  RowReuse* reuse = nullptr;                ///< rows that need not be computed; null = none
  /// Bytes that finding such rows takes, besides the rows; 0: memory is planned without.
  std::uint64_t reuse_memory = 0;
  /// Bytes that the source may unpack an input to before records are made of it.
  std::uint64_t unpack_memory = 0;
  /// Called from the thread that called run(), a few times a second. May be empty.
  std::function<void(const RunProgress&)> progress;
};

}  // namespace embedtool
