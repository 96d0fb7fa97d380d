#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/model/encoder.hpp"
#include "core/model/workspace.hpp"
#include "core/pipeline/planner.hpp"

namespace embedtool {

BatchShape largest_batch(const Plan& plan);
/// Grows `shape` to hold `other` as well.
void widen(BatchShape& shape, const BatchShape& other);

/// Bytes that a worker's workspace and its finished vectors take for batches up to `shape`.
std::size_t worker_bytes(const Encoder& encoder, const BatchShape& shape);

/// What encoding texts of these lengths costs, in FLOPs and what comes to the same: measures of
/// windows with different texts are divided by it.
double encode_work(const Encoder& encoder, std::span<const std::uint32_t> lengths);

struct BatchChoice {
  BatchLimits start;  ///< the best guess
  BatchLimits most;   ///< what a tuner may go up to
};

/// The most that choose_batch() and a tuner behind it go up to.
BatchLimits most_of_auto();

/// --batch-size auto: between 64 and 128 texts, as many as keep a batch's token states within a
/// share of the caches, and fewer only where `memory` bytes for the buffers of all workers allow no
/// more (0 = no limit), and never more than `most`. Below 8 texts of memory's share it is 8 texts
/// all the same.
BatchChoice choose_batch(std::span<const std::uint32_t> lengths, const Encoder& encoder,
                         std::size_t workers, const BatchLimits& most, std::uint64_t memory);

}  // namespace embedtool
