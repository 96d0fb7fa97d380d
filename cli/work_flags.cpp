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
               "A preset for the options below: most texts per second, earliest first vectors, or "
               "least memory");
  group.count_or(
      "--batch-size", flags.batch_size, kAuto,
      "Texts per batch; auto: 64 to 128, by the text lengths, tuned during the run [64]");
  group.count("--batch-tokens", flags.batch_tokens, "Maximum tokens per batch [8192]");
  group.count("--window", flags.window,
              "Most texts held at a time, to be sorted and put back in order [8192]");
  group.value("--memory-limit", flags.memory_limit, "SIZE", "Memory limit [the control group's]");
  group.path("--tmp-dir", flags.tmp_dir, "DIR",
             "Folder for scratch files [the output; of a part, $TMPDIR]");
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
                                  .compute = std::nullopt,  // auto
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
