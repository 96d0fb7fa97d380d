#include "cli/encode_memory.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>

#include "core/base/human.hpp"
#include "core/base/memory.hpp"
#include "core/base/threads.hpp"
#include "formats/corpus/unpack_need.hpp"

namespace embedtool {
namespace {

/// What a process with this model holds before its run: what is resident now, and what the texts
/// will touch of the mapped weights, which were released once they had been read.
std::uint64_t resident_model(const ReadyModel& model) {
  constexpr std::uint64_t kProgram = std::uint64_t{16} << 20U;
  return std::max(process_memory().resident, kProgram + model.encoder->owned_bytes()) +
         model.encoder->borrowed_bytes();
}

/// Of a limit, what inputs may unpack to before records are made of them.
std::uint64_t unpack_memory(const CorpusOptions& corpus, std::uint64_t limit) {
  constexpr std::uint64_t kGiB = std::uint64_t{1} << 30U;
  switch (unpack_need(corpus)) {
    case UnpackNeed::none:
      return 0;
    case UnpackNeed::unknown:
      return kLeastUnpack;
    case UnpackNeed::large:
      break;
  }
  // No reader takes more: half is for a window.
  const std::uint64_t most = corpus.long_windows ? 4 * kGiB : kGiB;
  return std::clamp(limit / 4, kLeastUnpack, most);
}

}  // namespace

std::uint64_t memory_limit_of(const EncodeJob& job) {
  return job.memory_limit ? *job.memory_limit : cgroup_memory();
}

std::size_t sample_memory(std::uint64_t limit) {
  const std::size_t usual = CorpusOptions().sample_bytes;
  return limit == 0 ? usual : std::min<std::uint64_t>(usual, limit / 4);
}

MemoryNeed fit_to_memory(const EncodeJob& job, std::uint64_t limit, const ReadyModel& model,
                         const OutputSpec& spec, RunOptions& options, CorpusOptions& corpus,
                         Console& console) {
  const std::uint64_t fixed = resident_model(model) + job.identity.row_group;
  if (limit == 0) return memory_need(options, corpus.max_line_bytes, *model.encoder, spec, fixed);
  options.unpack_memory = unpack_memory(corpus, limit);
  const RunOptions wanted = options;
  const std::size_t wanted_line = corpus.max_line_bytes;
  // A line limit that was asked for is kept: it decides what is a record.
  constexpr std::size_t kLeastLine = std::size_t{64} << 10U;
  const std::size_t least_line = job.max_line_given ? wanted_line : kLeastLine;
  const MemoryNeed need =
      fit_memory(options, corpus.max_line_bytes, least_line, *model.encoder, spec, fixed, limit);
  options.batch_memory = need.workspaces;
  corpus.unpack_bytes = std::max(options.unpack_memory, kLeastUnpack);
  console.detail(
      fmt::format("memory: at most {} of {}", limit_text(need.total()), limit_text(limit)));
  const bool shrunk = options.batch.tokens != wanted.batch.tokens ||
                      options.window.records != wanted.window.records ||
                      options.threads != wanted.threads || corpus.max_line_bytes != wanted_line;
  if (!shrunk) return need;
  console.note(
      fmt::format("reduced to fit in {} of memory: batches of {} tokens, windows of {} texts, {}, "
                  "lines of up to {}",
                  limit_text(limit), options.batch.tokens, options.window.records,
                  human_count(options.threads, "worker"), human_bytes(corpus.max_line_bytes)));
  return need;
}

}  // namespace embedtool
