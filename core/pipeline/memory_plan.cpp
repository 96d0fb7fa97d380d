#include "core/pipeline/memory_plan.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/error.hpp"
#include "core/pipeline/batch_model.hpp"

namespace embedtool {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

/// A Parquet row group's open pages and the compressor; the group itself is in `fixed`.
constexpr std::uint64_t kWriter = 12 * kMiB;
/// The reader's buffers, and the ids that it keeps to count duplicates.
constexpr std::uint64_t kReader = 16 * kMiB;
/// A worker's stack, tokenizer scratch and what the allocator keeps for its thread.
constexpr std::uint64_t kPerWorker = 6 * kMiB;
/// Bookkeeping of a record: Record, hash, RowInfo, lengths, plan, doubled by growing vectors.
constexpr std::uint64_t kPerRecord = 512;
/// How often a long line stands in memory: in the reader's buffer, twice while that grows, and in
/// every window, whose arena grows by doubling.
constexpr std::uint64_t kLineCopies = 2 + 2 * kWindowsInFlight;

// Nothing is made smaller than this.
constexpr std::size_t kLeastTexts = 8;
constexpr std::size_t kLeastRecords = 256;
constexpr std::size_t kLeastWindowBytes = std::size_t{256} << 10U;

std::size_t longest_text(const RunOptions& options, const Encoder& encoder) {
  if (options.max_tokens > 0) return options.max_tokens;
  return encoder.max_tokens() > 0 ? encoder.max_tokens() : options.batch.tokens;
}

std::uint64_t worker_need(const RunOptions& options, const Encoder& encoder, std::size_t longest) {
  const std::size_t texts = options.batch.texts;
  const std::size_t tokens = std::max(std::min(options.batch.tokens, texts * longest), longest);
  return worker_bytes(encoder, {texts, tokens, longest}) + tokens * 16 + kPerWorker;
}

/// A window's rows.
std::uint64_t rows_need(const RunOptions& options, const Encoder& encoder, const OutputSpec& spec,
                        std::uint64_t tokens) {
  const std::uint64_t records = options.window.records;
  const ChunkOptions& chunks = options.chunks;
  // A batch's sparse rows wait as they came until the window is laid out in order.
  if (spec.kind == RowKind::sparse) {
    return 2 * records * encoder.most_entries() * sizeof(SparseEntry);
  }
  if (spec.kind == RowKind::multi) return tokens * spec.vector_bytes();
  if (chunks.pooling == ChunkPooling::late) {
    // Ids wait to be read; two chunks in a row are fuller than one.
    const std::uint64_t ids =
        std::min<std::uint64_t>(tokens, options.window.bytes / sizeof(TokenId));
    return (records + 2 * ids / chunks.tokens) * encoder.hidden() * sizeof(float);
  }
  // What will be joined is not rounded yet.
  const bool joined = chunks.join != ChunkJoin::none;
  return records * (joined ? spec.dims * sizeof(float) : spec.vector_bytes());
}

std::uint64_t window_need(const RunOptions& options, const Encoder& encoder, const OutputSpec& spec,
                          std::size_t longest) {
  const std::uint64_t records = options.window.records;
  const std::uint64_t bytes = options.window.bytes;
  // A token takes a byte of text at least, or four as an id; arenas grow by doubling.
  const std::uint64_t tokens = std::min<std::uint64_t>(records * longest, bytes);
  const std::uint64_t row_bytes = rows_need(options, encoder, spec, tokens);
  // Reused rows are in memory where they were found and, all of a window's, where they go.
  const std::uint64_t reused = options.reuse_memory > 0 ? 2 * row_bytes : 0;
  return 2 * bytes + 2 * tokens * sizeof(TokenId) + row_bytes + reused + records * kPerRecord;
}

/// Halves `value`, not below `least`; false when it is there already.
template <typename T>
bool halve(T& value, T least) {
  if (value <= least) return false;
  value = std::max(value / 2, least);
  return true;
}

}  // namespace

std::string limit_text(std::uint64_t bytes) {
  return fmt::format("{}M", (bytes + kMiB - 1) / kMiB);
}

MemoryNeed memory_need(const RunOptions& options, std::size_t max_line, const Encoder& encoder,
                       const OutputSpec& spec, std::uint64_t fixed) {
  const std::size_t longest = longest_text(options, encoder);
  MemoryNeed need;
  need.fixed = fixed;
  need.ends = kReader + kWriter + options.reuse_memory + options.unpack_memory;
  need.workspaces = options.threads * worker_need(options, encoder, longest);
  need.windows = kWindowsInFlight * window_need(options, encoder, spec, longest);
  need.lines = kLineCopies * max_line;
  if (options.on_long == OnLong::chunk) {  // documents wait to be cut
    need.windows += 2 * options.window.bytes;
    need.lines += 2 * max_line;
  }
  return need;
}

// Each round halves the setting that costs least to give up. A line limit that takes more than a
// quarter of the memory goes first, since few corpora have such lines. Batches and windows follow:
// smaller ones cost little speed. Workers go late, because speed falls with their number. What
// inputs may unpack to goes later still, because what takes more ends the run; the lines that are
// left go last, because every record beyond the limit becomes a reject. Halving reaches a fit, or
// the floor of every setting, after a few dozen rounds.
MemoryNeed fit_memory(RunOptions& options, std::size_t& max_line, std::size_t least_line,
                      const Encoder& encoder, const OutputSpec& spec, std::uint64_t fixed,
                      std::uint64_t limit) {
  const std::size_t longest = longest_text(options, encoder);
  const auto smaller_batch = [&] {
    return halve(options.batch.tokens, longest) || halve(options.batch.texts, kLeastTexts);
  };
  const auto smaller_window = [&] {
    const bool bytes = halve(options.window.bytes, kLeastWindowBytes);
    return halve(options.window.records, kLeastRecords) || bytes;
  };
  while (true) {
    const MemoryNeed need = memory_need(options, max_line, encoder, spec, fixed);
    if (need.total() <= limit) return need;
    if (need.lines > limit / 4 && halve(max_line, least_line)) continue;
    // The larger of the two first, so that neither starves the other.
    const bool batch_first = need.workspaces > need.windows;
    if (batch_first ? smaller_batch() || smaller_window() : smaller_window() || smaller_batch()) {
      continue;
    }
    if (need.lines > need.workspaces && halve(max_line, least_line)) continue;
    if (options.threads > 1) {
      --options.threads;
      continue;
    }
    if (halve(options.unpack_memory, kLeastUnpack) || halve(max_line, least_line)) continue;
    throw Error(ExitCode::usage,
                "a memory limit of {} is too low: this run needs at least {} ({} for the program, "
                "the model's weights and a row group); raise --memory-limit or the control group's "
                "limit, or choose a smaller model, --max-length or --row-group",
                limit_text(limit), limit_text(need.total()), limit_text(fixed));
  }
}

}  // namespace embedtool
