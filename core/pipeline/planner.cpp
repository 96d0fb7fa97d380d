#include "core/pipeline/planner.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/base/check.hpp"

namespace embedtool {

namespace {

/// Below this the last batches are not cut further: it is some ten milliseconds of work.
constexpr std::uint64_t kLeastTokens = 1024;
/// Full batches for each worker, of a window that is not cut as the last one is.
constexpr std::uint64_t kBatchesMidway = 4;

std::uint64_t sum(std::span<const std::uint32_t> lengths) {
  return std::accumulate(lengths.begin(), lengths.end(), std::uint64_t{0});
}

}  // namespace

void plan_batches(std::span<const std::uint32_t> lengths, const BatchLimits& limits,
                  std::size_t workers, Plan& plan) {
  EMBEDTOOL_CHECK(lengths.size() <= std::numeric_limits<std::uint32_t>::max());
  plan.order.resize(lengths.size());
  std::iota(plan.order.begin(), plan.order.end(), 0U);
  std::sort(plan.order.begin(), plan.order.end(), [&lengths](std::uint32_t a, std::uint32_t b) {
    return lengths[a] != lengths[b] ? lengths[a] > lengths[b] : a < b;
  });
  plan.batches.clear();
  std::uint64_t left = sum(lengths);
  const auto budget = [&]() -> std::uint64_t {
    if (workers == 0) return limits.tokens;
    const std::uint64_t share = std::max(kLeastTokens, left / (2 * workers));
    return std::min<std::uint64_t>(limits.tokens, share);
  };
  std::uint64_t tokens = budget();
  PlannedBatch batch;
  for (std::uint32_t i = 0; i < plan.order.size(); ++i) {
    const std::uint32_t length = lengths[plan.order[i]];
    const bool full = batch.count >= limits.texts || batch.tokens + length > tokens;
    if (batch.count > 0 && full) {
      plan.batches.push_back(batch);
      left -= batch.tokens;
      tokens = budget();
      batch = PlannedBatch{.first = i};
    }
    ++batch.count;
    batch.tokens += length;
    batch.longest = std::max(batch.longest, length);
    batch.shortest = length;  // sorted, the longest first
  }
  if (batch.count > 0) plan.batches.push_back(batch);
}

std::size_t workers_midway(std::span<const std::uint32_t> lengths, const BatchLimits& limits,
                           std::size_t workers) {
  return sum(lengths) >= kBatchesMidway * workers * limits.tokens ? 0 : workers;
}

std::uint64_t padded_tokens(std::span<const std::uint32_t> lengths, std::size_t texts) {
  EMBEDTOOL_CHECK(texts > 0);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < lengths.size(); i += texts) {
    const auto batch = lengths.subspan(i, std::min(texts, lengths.size() - i));
    sum += std::uint64_t{*std::max_element(batch.begin(), batch.end())} * batch.size();
  }
  return sum;
}

}  // namespace embedtool
