#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace embedtool {

/// Bounds of one sub-batch. A batch holds at least one text, however long.
struct BatchLimits {
  std::size_t texts = 64;
  std::size_t tokens = 8192;
};

/// One sub-batch: `count` entries of Plan::order from `first` on.
struct PlannedBatch {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::uint32_t shortest = 0;  ///< tokens of its shortest text
  std::uint32_t longest = 0;   ///< tokens of its longest text
  std::uint64_t tokens = 0;    ///< tokens of all its texts
};

/// A window cut into sub-batches. Recycled.
struct Plan {
  std::vector<std::uint32_t> order;  ///< a permutation of 0 … n-1, longest text first
  std::vector<PlannedBatch> batches;
};

/// Sorts texts by token length, longest first (so that the window's last batches are its cheapest
/// and no worker is left with a long one at the end), and cuts sub-batches within `limits`. Equal
/// lengths keep their order. Every text is in exactly one batch.
///
/// Towards the end of the window, batches become smaller: none takes more than half of one worker's
/// share of the remaining tokens (guided self-scheduling, Polychronopoulos and Kuck), so that all
/// `workers` workers end at about the same time even if this window is the last. With 0 workers,
/// every batch is as large as the limits allow.
void plan_batches(std::span<const std::uint32_t> lengths, const BatchLimits& limits,
                  std::size_t workers, Plan& plan);

/// The `workers` for plan_batches() of a window after which others follow at once: 0, since they
/// need not end it together, unless it has too few batches to keep all of them busy.
std::size_t workers_midway(std::span<const std::uint32_t> lengths, const BatchLimits& limits,
                           std::size_t workers);

/// Tokens that padding would add: what batches of `texts` texts in the given order would compute,
/// each padded to its longest. Only for the report's comparison; no batch is padded.
std::uint64_t padded_tokens(std::span<const std::uint32_t> lengths, std::size_t texts);

}  // namespace embedtool
