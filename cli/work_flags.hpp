#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/model_setup.hpp"
#include "core/base/enum_words.hpp"
#include "core/pipeline/run_options.hpp"

namespace CLI {
class App;
}

namespace embedtool {

/// What a run is tuned for.
enum class Optimize : std::uint8_t { throughput, latency, memory };
template <>
inline constexpr auto enum_words<Optimize> = std::to_array<EnumWord<Optimize>>({
    {Optimize::throughput, "throughput"},
    {Optimize::latency, "latency"},
    {Optimize::memory, "memory"},
});

/// How the work is cut up. As typed; what was not given comes from the preset of --optimize.
struct WorkFlags {
  Optimize optimize = Optimize::throughput;
  std::string batch_size;  ///< a number, or auto; empty = the preset's
  std::optional<std::size_t> batch_tokens;
  std::optional<std::size_t> window;
  std::string memory_limit;
  std::string tmp_dir;  ///< empty = by the output
};
void declare_work(CLI::App& app, WorkFlags& flags);

/// What --optimize stands for: a sum of other options, which win over it when they are given.
struct Preset {
  std::size_t batch_texts = 64;
  std::size_t batch_tokens = 8192;
  std::size_t window = 8192;  ///< texts
  ComputeWish compute = Compute::f32;
  std::uint64_t row_group_bytes = 0;  ///< 0 = the format's
};
const Preset& preset_of(Optimize optimize);

/// Batches and windows that the flags ask for. With a batch size of auto, `batch` is the most that
/// will be chosen.
void resolve_work(const WorkFlags& flags, RunOptions& options);

}  // namespace embedtool
