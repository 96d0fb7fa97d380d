#include "cli/work_flags.hpp"

#include <array>

#include "cli/flags.hpp"
#include "core/pipeline/batch_model.hpp"

namespace embedtool {
namespace {

/// throughput: the defaults. latency: windows so small that the first vectors leave at once, and
/// batches that spread one over all workers. memory: the smallest windows and workspaces that keep
/// the workers busy, weights of half the size where the CPU computes with them, and row groups that
/// soon leave for the disk.
constexpr std::array<Preset, 3> kPresets = {{
    {"throughput", "64", 8192, 8192, "", ""},
    {"latency", "16", 2048, 64, "", ""},
    {"memory", "8", 512, 256, "auto", "1M"},
}};

constexpr const char* kAuto = "auto";

}  // namespace

void declare_work(CLI::App& app, WorkFlags& flags) {
  FlagGroup group(app, "Work");
  group
      .choice("--optimize", flags.optimize, {"throughput", "latency", "memory"},
              "A preset for the options below: the most texts a second, the first vectors soonest, "
              "or the least memory")
      ->capture_default_str();
  group.count_or(
      "--batch-size", flags.batch_size, kAuto,
      "Texts in a batch; auto: 64 to 128 by the texts at hand, tuned while running [64]");
  group.count("--batch-tokens", flags.batch_tokens, "Tokens in a batch, at most [8192]");
  group.count("--window", flags.window,
              "Texts held, sorted and put back in order at a time [8192]");
  group.value("--memory-limit", flags.memory_limit, "SIZE",
              "Memory to stay within [what the control group allows]");
}

const Preset& find_preset(const std::string& name) {
  for (const Preset& preset : kPresets) {
    if (name == preset.name) return preset;
  }
  return kPresets.front();
}

void apply_work(const WorkFlags& flags, RunOptions& options) {
  const Preset& preset = find_preset(flags.optimize);
  const std::string texts = flags.batch_size.empty() ? preset.batch_size : flags.batch_size;
  options.auto_batch = texts == kAuto;
  options.batch =
      options.auto_batch ? most_of_auto() : BatchLimits{std::stoul(texts), preset.batch_tokens};
  if (flags.batch_tokens) options.batch.tokens = *flags.batch_tokens;
  options.window.records = flags.window.value_or(preset.window);
}

void apply_preset(const WorkFlags& flags, ComputeFlags& compute) {
  if (compute.compute.empty()) compute.compute = find_preset(flags.optimize).compute;
}

void apply_preset(const WorkFlags& flags, OutputFlags& output) {
  const bool parquet = output.to.empty() ? output.output != "-" : output.to == "parquet";
  if (parquet && output.row_group.empty()) output.row_group = find_preset(flags.optimize).row_group;
}

}  // namespace embedtool
