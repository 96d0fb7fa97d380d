#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/profile.hpp"
#include "core/model/encoder.hpp"
#include "core/pipeline/batch_model.hpp"

namespace embedtool {

/// Takes one worker from token ids to finished rows: gathers a ragged batch, encodes it and hands
/// out the rows. Buffers are recycled. Belongs to one thread at a time.
class BatchEncoder {
 public:
  /// Grows the buffers for batches up to `shape`, so that none grows in the middle of a window and
  /// a run's memory does not depend on which worker gets which batch.
  void reserve(const Encoder& encoder, const BatchShape& shape);

  /// Encodes the texts `order` of a collection: append(builder, text) adds a text, and take(rows,
  /// i, text) gets row i of the batch, in the stage `quantize`. The rows go to `own` and stay there
  /// if it is not null; else to a buffer that the next batch reuses. The clock is in Stage::batch
  /// on entry. Returns the batch, valid until the next call.
  template <typename Append, typename Take>
  Batch encode(const Encoder& encoder, std::span<const std::uint32_t> order, const Append& append,
               RowBatch* own, StageClock& clock, const Take& take) {
    builder_.clear();
    for (const std::uint32_t text : order) append(builder_, text);
    const Batch batch = builder_.batch();
    RowBatch& rows = own != nullptr ? *own : rows_;
    encoder.encode(batch, workspace_, clock, rows);
    clock.enter(Stage::quantize);
    for (std::size_t i = 0; i < order.size(); ++i) take(rows, i, order[i]);
    return batch;
  }

  /// Memory held for the encoder: its workspace and the rows.
  std::size_t bytes() const { return workspace_.bytes() + rows_.bytes(); }

 private:
  Workspace workspace_;
  BatchBuilder builder_;
  RowBatch rows_;
};

}  // namespace embedtool
