#include "cli/work_flags.hpp"

#include "cli/flags.hpp"
#include "core/pipeline/batch_model.hpp"

namespace embedtool {
namespace {

constexpr const char* kAuto = "auto";

}  // namespace

void declare_work(CLI::App& app, WorkFlags& flags) {
  FlagGroup group(app, "Work");
  group.choice("--optimize", flags.optimize,
               "A preset for the options below: the most texts a second, the first vectors "
               "soonest, or the least memory");
  group.count_or(
      "--batch-size", flags.batch_size, kAuto,
      "Texts in a batch; auto: 64 to 128 by the texts at hand, tuned while running [64]");
  group.count("--batch-tokens", flags.batch_tokens, "Tokens in a batch, at most [8192]");
  group.count("--window", flags.window,
              "Texts held, sorted and put back in order at a time [8192]");
  group.value("--memory-limit", flags.memory_limit, "SIZE",
              "Memory to stay within [what the control group allows]");
}

const Preset& preset_of(Optimize optimize) {
  static constexpr Preset kThroughput{};
  // Windows so small that the first vectors leave at once, and batches that spread one over all
  // workers.
  static constexpr Preset kLatency{.batch_texts = 16, .batch_tokens = 2048, .window = 64};
  // The smallest windows and workspaces that keep the workers busy, weights of half the size where
  // the CPU computes with them, and row groups that soon leave for the disk.
  static constexpr Preset kMemory{.batch_texts = 8,
                                  .batch_tokens = 512,
                                  .window = 256,
                                  .compute = ComputeWish::automatic,
                                  .row_group_bytes = std::uint64_t{1} << 20U};
  switch (optimize) {
    case Optimize::throughput:
      return kThroughput;
    case Optimize::latency:
      return kLatency;
    case Optimize::memory:
      return kMemory;
  }
  return kThroughput;
}

void resolve_work(const WorkFlags& flags, RunOptions& options) {
  const Preset& preset = preset_of(flags.optimize);
  options.auto_batch = flags.batch_size == kAuto;
  if (options.auto_batch) {
    options.batch = most_of_auto();
  } else {
    options.batch.texts =
        flags.batch_size.empty() ? preset.batch_texts : std::stoul(flags.batch_size);
    options.batch.tokens = preset.batch_tokens;
  }
  if (flags.batch_tokens) options.batch.tokens = *flags.batch_tokens;
  options.window.records = flags.window.value_or(preset.window);
}

}  // namespace embedtool
