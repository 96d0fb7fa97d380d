#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <optional>
#include <string>

#include "cli/encode_output.hpp"
#include "cli/shared_flags.hpp"
#include "core/pipeline/run.hpp"

namespace embedtool {

/// How the work is cut up. As typed; what was not given comes from the preset of --optimize.
struct WorkFlags {
  std::string optimize = "throughput";
  std::string batch_size;  ///< a number, or auto; empty = the preset's
  std::optional<std::size_t> batch_tokens;
  std::optional<std::size_t> window;
  std::string memory_limit;
};
void declare_work(CLI::App& app, WorkFlags& flags);

/// What --optimize stands for: a sum of other options, which win over it when they are given.
struct Preset {
  const char* name;
  const char* batch_size;
  std::size_t batch_tokens;
  std::size_t window;
  const char* compute;    ///< empty = f32
  const char* row_group;  ///< empty = the format's
};
/// The preset of that name, which declare_work() has checked.
const Preset& find_preset(const std::string& name);

/// Batches and windows that the flags ask for. With a batch size of auto, `batch` is the most that
/// will be chosen.
void apply_work(const WorkFlags& flags, RunOptions& options);

/// What the preset asks for of other flags, where they were not given: the precision, and the size
/// of row groups.
void apply_preset(const WorkFlags& flags, ComputeFlags& compute);
void apply_preset(const WorkFlags& flags, OutputFlags& output);

}  // namespace embedtool
