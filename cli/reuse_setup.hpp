#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/console.hpp"
#include "formats/output/output_reuse.hpp"
#include "formats/output/run_identity.hpp"
#include "formats/output/run_output.hpp"

namespace CLI {
class App;
}

namespace embedtool {

void declare_reuse(CLI::App& app, ReusePlan& plan);
/// Throws Error(usage) for options that need --reuse and do not have it.
void check_reuse(const ReusePlan& plan);

using EarlierOutputs = std::vector<std::shared_ptr<const EarlierOutput>>;

/// Opens the outputs of the plan whose rows can be rows of `identity`, and notes in it where their
/// kernels are others. Throws Error(usage) for one that is not complete, or whose rows cannot be
/// used unless the plan accepts that. A `link` that is still missing before the first run is said
/// to be so.
EarlierOutputs open_reuse(const ReusePlan& plan, const OutputPlan& output, const std::string& link,
                          RunIdentity& identity, Console& console);

/// Throws Error(usage) where the plan names the output itself, which is not complete yet.
void refuse_own_rows(const ReusePlan& plan, const OutputPlan& output);

/// Once more, when what only the weights tell is known as well.
void check_still_reusable(const EarlierOutputs& outputs, const ReusePlan& plan,
                          const RunIdentity& identity);

/// Where scratch files of a run go: to the folder that was `asked` for, else beside the output,
/// else to $TMPDIR.
std::string scratch_folder(const OutputPlan& output, const std::string& asked = {});

/// Memory for finding rows, besides windows: of `limit` bytes, 0 = no limit.
std::uint64_t reuse_sort_memory(std::uint64_t limit);
std::uint64_t reuse_memory(const EarlierOutputs& outputs, std::uint64_t limit);
/// The same for rows of the run itself; 0: there is too little memory, and they are encoded again.
std::uint64_t run_rows_memory(std::uint64_t limit);

}  // namespace embedtool
