#pragma once

#include <cstdint>

#include "cli/encode_job.hpp"
#include "cli/model_setup.hpp"
#include "core/data.hpp"
#include "core/pipeline/run_options.hpp"
#include "formats/corpus/corpus_options.hpp"
#include "formats/output/run_identity.hpp"

namespace embedtool {

// What a job leaves open until the model is loaded, for the run and for what is said of it before.

/// Throws Error(usage) for settings that a sparse output, whose rows are of their own kind, cannot
/// have.
void check_sparse(const RunIdentity& identity, RowKind kind);
/// How long chunks are, where texts are cut; noted in the identity. Throws Error(usage) for what
/// the model cannot have.
void size_chunks(EncodeJob& job, const ChosenModel& model, RunIdentity& identity);
/// The job's corpus as the model reads it; `memory_limit` in bytes, 0 = none.
CorpusOptions corpus_options(const EncodeJob& job, const ReadyModel& model,
                             std::uint64_t memory_limit);
/// The job's run with the model and on this machine; without progress and memory for reuse.
RunOptions run_options(const EncodeJob& job, const ReadyModel& model);
/// Calibrates what the rows need, notes it in the identity, and returns what they are.
OutputSpec settle_rows(RunIdentity& identity, const ReadyModel& model);

}  // namespace embedtool
