#pragma once

#include <cstdint>

#include "core/model/encoder.hpp"
#include "core/pipeline/run_options.hpp"
#include "core/pipeline/text_set.hpp"
#include "core/ports.hpp"
#include "core/row_reuse.hpp"

namespace embedtool {

/// How much of the input makes a window: what RunOptions::window allows and, of what a model works
/// on for long, no more than a few batches for each worker. That is what a kill costs, and how
/// often rows are written. How many tokens the next texts have is not known before they are read:
/// it is taken to be as in the window before. Not thread-safe.
class WindowSize {
 public:
  /// `budget`: tokens of a window, 0 = no limit; `max_tokens`: those of a text, likewise.
  WindowSize(const BlockLimits& most, std::uint64_t budget, std::uint64_t max_tokens);

  const BlockLimits& next() const { return next_; }
  /// A window was read, of which the texts that are not copied will be encoded.
  void note(const TextSet& window, const ReusedRows& reused);
  /// The same, of so many bytes, with about so many tokens to encode.
  void note(std::uint64_t bytes, std::uint64_t tokens);
  /// About how many tokens a text of so many bytes is for the encoder.
  std::uint64_t tokens_of(std::uint64_t bytes) const;

 private:
  const BlockLimits most_;
  const std::uint64_t budget_;
  const std::uint64_t max_tokens_;
  BlockLimits next_;
};

/// The tokens of a window that are enough work for all workers; 0 for a static model, whose windows
/// take moments.
std::uint64_t window_budget(const RunOptions& options, const Encoder& encoder);

}  // namespace embedtool
