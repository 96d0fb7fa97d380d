#include "core/pipeline/window_size.hpp"

#include <algorithm>

namespace embedtool {
namespace {

/// So many that cutting a window into batches and its end, when workers wait for each other, cost
/// nothing to speak of.
constexpr std::uint64_t kBatchesPerWorker = 8;
/// Of English; a little less of most other languages.
constexpr std::uint64_t kBytesPerToken = 4;
constexpr std::uint64_t kLeastBytes = std::uint64_t{32} << 10U;

}  // namespace

WindowSize::WindowSize(const BlockLimits& most, std::uint64_t budget, std::uint64_t max_tokens)
    : most_(most), budget_(budget), max_tokens_(max_tokens), next_(most) {
  note(kBytesPerToken, 1);
}

std::uint64_t WindowSize::tokens_of(std::uint64_t bytes) const {
  const std::uint64_t tokens = bytes / kBytesPerToken + 1;
  return max_tokens_ == 0 ? tokens : std::min(tokens, max_tokens_);
}

void WindowSize::note(const TextSet& window, const ReusedRows& reused) {
  if (budget_ == 0) return;
  std::uint64_t tokens = 0;
  for (std::uint32_t text = 0; text < window.texts(); ++text) {
    if (reused.is_copied(text)) continue;
    const Record& record = window.record(window.first_record(text));
    const bool ready = record.kind == RecordKind::token_ids;
    tokens += ready ? record.payload.size : tokens_of(record.payload.size);
  }
  note(window.documents().byte_size(), tokens);
}

void WindowSize::note(std::uint64_t bytes, std::uint64_t tokens) {
  if (budget_ == 0) return;
  const double bytes_per_token =
      static_cast<double>(bytes) / static_cast<double>(std::max<std::uint64_t>(tokens, 1));
  const double wanted = bytes_per_token * static_cast<double>(budget_);
  const auto most = static_cast<double>(most_.bytes);
  const double least = std::min(most, static_cast<double>(kLeastBytes));
  next_.bytes = static_cast<std::size_t>(std::clamp(wanted, least, most));
}

std::uint64_t window_budget(const RunOptions& options, const Encoder& encoder) {
  if (encoder.linear_flops(1, 0) == 0) return 0;
  return kBatchesPerWorker * options.batch.tokens * options.threads;
}

}  // namespace embedtool
