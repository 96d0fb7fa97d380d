#pragma once

#include "cli/commands.hpp"
#include "cli/encode_job.hpp"

namespace embedtool {

/// `encode --dry-run`: prints what a run of `job` would read, encode and write, how long it would
/// take and how much memory, and writes nothing anywhere. Time is measured by encoding a sample for
/// about two seconds. Throws as the run itself would before its first record, and Error(usage) for
/// inputs that can be read only once.
ExitCode dry_run(const EncodeJob& job, Session& session);

}  // namespace embedtool
