#include "core/pipeline/batch_model.hpp"

#include <algorithm>
#include <array>

namespace embedtool {
namespace {

/// Texts and the tokens that go with them: 128 texts of average length have to fit.
constexpr std::array<BatchLimits, 8> kLadder = {{{128, 16384},
                                                 {112, 16384},
                                                 {96, 8192},
                                                 {80, 8192},
                                                 {64, 8192},
                                                 {32, 4096},
                                                 {16, 2048},
                                                 {8, 1024}}};
constexpr std::size_t kFewestWanted = 64;

/// A batch's states are read and written once a block: as long as they stay in the last-level cache
/// that costs next to nothing.
constexpr std::size_t kStateBytes = std::size_t{8} << 20U;

/// FLOPs that looking a token up and handing it on is worth.
constexpr double kWorkPerToken = 2000;

BatchShape shape_of(std::span<const std::uint32_t> lengths, const BatchLimits& limits,
                    std::size_t workers) {
  Plan plan;
  plan_batches(lengths, limits, workers, plan);
  return largest_batch(plan);
}

}  // namespace

BatchLimits most_of_auto() {
  return kLadder.front();
}

BatchShape largest_batch(const Plan& plan) {
  BatchShape shape;
  for (const PlannedBatch& batch : plan.batches) {
    widen(shape, {batch.count, batch.tokens, batch.longest});
  }
  return shape;
}

void widen(BatchShape& shape, const BatchShape& other) {
  shape.texts = std::max(shape.texts, other.texts);
  shape.tokens = std::max(shape.tokens, other.tokens);
  shape.longest = std::max(shape.longest, other.longest);
}

std::size_t worker_bytes(const Encoder& encoder, const BatchShape& shape) {
  return encoder.workspace_bytes(shape) + encoder.result_bytes(shape);
}

double encode_work(const Encoder& encoder, std::span<const std::uint32_t> lengths) {
  double tokens = 0;
  double work = 0;
  for (const std::uint32_t length : lengths) {
    tokens += length;
    work += encoder.attention_flops(length);
  }
  const double vectors =
      encoder.kind() == RowKind::multi ? tokens : static_cast<double>(lengths.size());
  return work + encoder.linear_flops(tokens, vectors) + tokens * kWorkPerToken;
}

BatchChoice choose_batch(std::span<const std::uint32_t> lengths, const Encoder& encoder,
                         std::size_t workers, const BatchLimits& most, std::uint64_t memory) {
  const auto fits = [&](const BatchLimits& limits) {
    return memory == 0 ||
           workers * worker_bytes(encoder, shape_of(lengths, limits, workers)) <= memory;
  };
  BatchChoice choice{kLadder.back(), kLadder.back()};
  bool first = true;
  for (BatchLimits limits : kLadder) {
    limits.tokens = std::min(limits.tokens, most.tokens);
    if (limits.texts > most.texts || !fits(limits)) continue;
    if (first) choice.most = limits;
    first = false;
    const BatchShape shape = shape_of(lengths, limits, workers);
    const std::size_t states = encoder.workspace_bytes({1, shape.tokens, 1});
    if (limits.texts > kFewestWanted && states > kStateBytes) continue;
    choice.start = limits;
    break;
  }
  return choice;
}

}  // namespace embedtool
