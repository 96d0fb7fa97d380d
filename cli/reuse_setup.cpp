#include "cli/reuse_setup.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "cli/flags.hpp"
#include "core/base/error.hpp"
#include "core/base/human.hpp"

namespace embedtool {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

bool is_output_itself(const std::string& path, const OutputPlan& output) {
  std::error_code failed;
  return !output.to_stdout() && std::filesystem::equivalent(path, output.path, failed) && !failed;
}

bool is_missing(const std::string& path) {
  std::error_code failed;
  return std::filesystem::symlink_status(path, failed).type() ==
         std::filesystem::file_type::not_found;
}

std::string kernels_of(const RunIdentity& identity) {
  return fmt::format("{}, {}{}{}", identity.gemm, identity.isa,
                     identity.reused_kernels.empty() ? "" : "; ", identity.reused_kernels);
}

/// Adds the kernels of an output's rows to those that the new output lists.
void note_kernels(const RunIdentity& before, RunIdentity& now, const std::string& name,
                  Console& console) {
  if (first_difference(before, now, Comparison::kernels).empty()) return;
  const std::string kernels = kernels_of(before);
  if (now.reused_kernels.find(kernels) != std::string::npos) return;
  now.reused_kernels += (now.reused_kernels.empty() ? "" : "; ") + kernels;
  console.note(
      fmt::format("--reuse {}: its rows were computed by {}; the manifest says so", name, kernels));
}

}  // namespace

void declare_reuse(CLI::App& app, ReusePlan& plan) {
  FlagGroup group(app, "Reuse");
  group
      .list("--reuse", plan.outputs, "DIR,...",
            "Copy the rows of unchanged texts from these earlier outputs")
      .split_at_commas();
  group.choice("--reuse-kernels", plan.kernels,
               "Whether rows that other code has computed may be copied");
  group.choice("--reuse-mismatch", plan.mismatch,
               "What to do where an earlier output's vectors are of another space");
  group.count("--reuse-verify", plan.verify,
              "Encode N random rows of each earlier output again and compare", 0);
}

void check_reuse(const ReusePlan& plan) {
  if (!plan.outputs.empty()) return;
  const auto refuse = [](const char* option) {
    throw Error(ExitCode::usage, "{} is for --reuse, which names the earlier output", option);
  };
  if (plan.verify > 0) refuse("--reuse-verify");
  if (plan.kernels != ReuseKernels::same) refuse("--reuse-kernels");
  if (plan.mismatch != ReuseMismatch::refuse) refuse("--reuse-mismatch");
}

EarlierOutputs open_reuse(const ReusePlan& plan, const OutputPlan& output, const std::string& link,
                          RunIdentity& identity, Console& console) {
  EarlierOutputs opened;
  for (const std::string& path : plan.outputs) {
    if (is_output_itself(path, output)) {
      if (!output.overwrite) continue;  // there is nothing to do; else refuse_own_rows()
      throw Error(ExitCode::usage,
                  "--reuse {}: is the output that --overwrite replaces; write to another directory",
                  path);
    }
    if (path == link && is_missing(path)) {
      console.note(fmt::format("--reuse {}: is not there yet; every text is encoded", path));
      continue;
    }
    std::shared_ptr<const EarlierOutput> earlier = open_earlier(path);
    const std::string why = why_not_reused(earlier->manifest, identity, plan.kernels);
    if (!why.empty() && plan.mismatch == ReuseMismatch::refuse) {
      throw Error(ExitCode::usage,
                  "--reuse {}: {}; use the settings of that output, or encode every text with "
                  "--reuse-mismatch encode",
                  path, why);
    }
    if (!why.empty()) {
      console.warning(fmt::format("--reuse {}: {}; every text is encoded", path, why));
      continue;
    }
    note_kernels(earlier->manifest.identity, identity, path, console);
    opened.push_back(std::move(earlier));
  }
  return opened;
}

void refuse_own_rows(const ReusePlan& plan, const OutputPlan& output) {
  for (const std::string& path : plan.outputs) {
    if (!is_output_itself(path, output)) continue;
    throw Error(ExitCode::usage,
                "--reuse {}: is the output that is being written; name the earlier one", path);
  }
}

void check_still_reusable(const EarlierOutputs& outputs, const ReusePlan& plan,
                          const RunIdentity& identity) {
  for (const auto& earlier : outputs) {
    const std::string why = why_not_reused(earlier->manifest, identity, ReuseKernels::any);
    if (why.empty()) continue;
    throw Error(ExitCode::usage, "--reuse {}: {}; run without --reuse{}", earlier->name, why,
                plan.outputs.size() > 1 ? " of it" : "");
  }
}

std::string scratch_folder(const OutputPlan& output, const std::string& asked) {
  if (!asked.empty()) return asked;
  if (!output.to_stdout()) return output.path;
  const char* folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/var/tmp";
}

std::uint64_t reuse_sort_memory(std::uint64_t limit) {
  constexpr std::uint64_t kMost = 128 * kMiB;
  return limit == 0 ? kMost : std::clamp(limit / 8, 4 * kMiB, kMost);
}

std::uint64_t run_rows_memory(std::uint64_t limit) {
  constexpr std::uint64_t kMost = 96 * kMiB;
  constexpr std::uint64_t kLeastLimit = 256 * kMiB;
  if (limit == 0) return kMost;
  return limit < kLeastLimit ? 0 : std::min(limit / 8, kMost);
}

std::uint64_t reuse_memory(const EarlierOutputs& outputs, std::uint64_t limit) {
  if (outputs.empty()) return 0;
  // Keys around the cursor and a shard's open pages; a number for each of an index's blocks.
  constexpr std::uint64_t kEach = 16 * kMiB;
  std::uint64_t bytes = reuse_sort_memory(limit);
  for (const auto& earlier : outputs) bytes += kEach + earlier->manifest.rows / 10;
  return bytes;
}

}  // namespace embedtool
