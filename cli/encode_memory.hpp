#pragma once

#include <cstdint>

#include "cli/console.hpp"
#include "cli/encode_job.hpp"
#include "cli/model_setup.hpp"
#include "core/data.hpp"
#include "core/pipeline/memory_plan.hpp"
#include "core/pipeline/run_options.hpp"
#include "formats/corpus/corpus.hpp"

namespace embedtool {

/// The memory that a job has to stay within, in bytes; 0 = no limit.
std::uint64_t memory_limit_of(const EncodeJob& job);

/// Of a limit, what the sample of a stream may take; 0 = no limit.
std::size_t sample_memory(std::uint64_t limit);

/// Sizes the run's memory before any work starts: settings shrink until they fit `limit`, with a
/// note. Returns what they may take. Throws Error(usage) where the least does not fit.
MemoryNeed fit_to_memory(const EncodeJob& job, std::uint64_t limit, const ReadyModel& model,
                         const OutputSpec& spec, RunOptions& options, CorpusOptions& corpus,
                         Console& console);

}  // namespace embedtool
