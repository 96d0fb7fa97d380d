#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/model/encoder.hpp"
#include "core/pipeline/run_options.hpp"

namespace embedtool {

/// Memory that a run will hold, computed from its settings.
struct MemoryNeed {
  std::uint64_t fixed = 0;       ///< whatever the settings: program, weights, row group
  std::uint64_t ends = 0;        ///< of reader and writer
  std::uint64_t workspaces = 0;  ///< of all workers
  std::uint64_t windows = 0;     ///< of all windows in flight
  std::uint64_t lines = 0;       ///< for records longer than a window's budget

  std::uint64_t total() const { return fixed + ends + workspaces + windows + lines; }
};

/// Enough for what compressions and pages take with usual settings.
inline constexpr std::uint64_t kLeastUnpack = std::uint64_t{32} << 20U;

/// A limit as it is asked for: "800M", in powers of two, rounded up.
std::string limit_text(std::uint64_t bytes);

/// An upper bound for these settings. `max_line` is the longest record in bytes; `fixed` is what
/// the process holds with its model loaded, plus the output's row group.
MemoryNeed memory_need(const RunOptions& options, std::size_t max_line, const Encoder& encoder,
                       const OutputSpec& spec, std::uint64_t fixed);

/// Makes settings smaller until memory_need() is within `limit`: the longest line where it takes
/// more than a quarter, batches and windows, the line again, the number of workers, what inputs may
/// unpack to (not below kLeastUnpack). Vectors do not change; records longer than `max_line` become
/// rejects, so it is never set below `least_line`.
/// Throws Error(usage) with the minimum number of bytes needed.
MemoryNeed fit_memory(RunOptions& options, std::size_t& max_line, std::size_t least_line,
                      const Encoder& encoder, const OutputSpec& spec, std::uint64_t fixed,
                      std::uint64_t limit);

}  // namespace embedtool
