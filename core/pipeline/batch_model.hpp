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

/// The cost of encoding texts of these lengths, in FLOPs or the equivalent. Measurements of windows
/// with different texts are divided by it.
double encode_work(const Encoder& encoder, std::span<const std::uint32_t> lengths);

struct BatchChoice {
  BatchLimits start;  ///< the best guess
  BatchLimits most;   ///< upper limit for a tuner
};

/// The upper limit for choose_batch() and the tuner that follows it.
BatchLimits most_of_auto();

/// --batch-size auto: between 64 and 128 texts, as many as keep a batch's token states within a
/// share of the caches, fewer only if `memory` bytes for the buffers of all workers allow no more
/// (0 = no limit), and never more than `most`. At least 8 texts, even if memory's share is less.
BatchChoice choose_batch(std::span<const std::uint32_t> lengths, const Encoder& encoder,
                         std::size_t workers, const BatchLimits& most, std::uint64_t memory);

}  // namespace embedtool
