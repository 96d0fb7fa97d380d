#pragma once

#include "cli/commands.hpp"
#include "cli/encode_job.hpp"
#include "cli/metrics_file.hpp"
#include "cli/model_setup.hpp"
#include "cli/reuse_setup.hpp"
#include "core/base/perf_counters.hpp"
#include "formats/output/encode_output.hpp"
#include "formats/output/rejects.hpp"
#include "formats/output/run_identity.hpp"

namespace embedtool {

/// Who looks on while a job runs.
struct EncodeWatch {
  Session& session;
  MetricsFile& metrics;
  const PerfCounters& counters;
};

/// Encodes: from a job, a model that is loaded and an output that has nothing against it, to the
/// finished output and what is said of it. `rejects` is the output's; rows are taken from
/// `earlier`. A stop signal ends it early, resumably, and gives false. Throws Error.
bool run_encode(const EncodeJob& job, const RunIdentity& identity, const ReadyModel& model,
                EarlierOutputs earlier, EncodeOutput& output, RejectLog& rejects,
                const EncodeWatch& watch);

}  // namespace embedtool
