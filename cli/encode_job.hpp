#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/array_task.hpp"
#include "cli/chunk_flags.hpp"
#include "cli/encode_report.hpp"
#include "cli/model_setup.hpp"
#include "cli/nightly.hpp"
#include "cli/shared_flags.hpp"
#include "cli/work_flags.hpp"
#include "core/pipeline/run_options.hpp"
#include "formats/corpus/corpus.hpp"
#include "formats/output/output_reuse.hpp"
#include "formats/output/rejects.hpp"
#include "formats/output/run_identity.hpp"
#include "formats/output/run_output.hpp"

namespace CLI {
class App;
}

namespace embedtool {

/// The options of encode. As typed.
struct EncodeFlags {
  InputFlags input;
  ModelFlags model;
  ChunkFlags chunks;
  ComputeFlags compute;
  WorkFlags work;
  ReportFiles report;
  std::string metrics_file;
  std::string rejects;
  std::string output;
  bool overwrite = false;
  bool dry_run = false;
  std::optional<OutputFormat> to;
  std::uint64_t shard_rows = 0;  ///< 0 = the default
  std::optional<VectorEncoding> encoding;
  std::optional<VectorType> vector_type;
  std::string row_group;  ///< a size; empty = the preset's, else the format's
  ReusePlan reuse;
  NightlyPlan nightly;
  std::string part;       ///< empty: none
  std::string units;      ///< likewise
  std::string unit_size;  ///< likewise
  /// Settings that need no further thought: their flags write here.
  RunIdentity asked;
};
void declare_encode_flags(CLI::App& app, EncodeFlags& flags);

/// The part of a job that a process is to do.
struct PartRequest {
  PartWish wish;
  std::string units;             ///< a list, or @ and the file that holds one; empty = all
  std::uint64_t unit_bytes = 0;  ///< 0 = by the corpus
};

/// A run of encode, resolved: what follows from the command line alone. What follows from the model
/// and from the machine is left open, as each member says.
struct EncodeJob {
  RunIdentity identity;        ///< without inputs, model and line limit
  CorpusOptions corpus;        ///< without files, vocab_size, vector_dims and stop
  bool implied_stdin = false;  ///< it is read because no input was named
  bool max_line_given = false;
  RejectOptions rejects;  ///< without files' names
  ModelChoice model;
  ChunkPlan chunks;
  ComputeChoice compute;
  RunOptions run;  ///< threads 0 = all that are allowed; without prompt, stop,
                   ///< progress, max_tokens, and what of chunks the model says
  Optimize optimize = Optimize::throughput;
  std::optional<std::uint64_t> memory_limit;  ///< bytes; none = what the control group allows
  OutputPlan output;
  std::string scratch;              ///< folder for scratch files; empty = by the output
  std::optional<PartRequest> part;  ///< none: the whole corpus
  std::string output_name;          ///< as typed; empty only in a dry run
  bool dry_run = false;             ///< only say what the run would come to
  ReusePlan reuse;
  NightlyPlan nightly;
  ReportFiles report;
  std::string metrics_file;
};

/// Pure: looks at nothing but the flags, and after it nobody looks at them. Throws Error(usage) for
/// flags that do not fit each other.
EncodeJob resolve(const EncodeFlags& flags);

}  // namespace embedtool
