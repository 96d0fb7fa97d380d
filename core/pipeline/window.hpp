#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/data.hpp"
#include "core/model/encoder.hpp"
#include "core/pipeline/batch_encoder.hpp"
#include "core/pipeline/batch_model.hpp"
#include "core/pipeline/planner.hpp"
#include "core/pipeline/report.hpp"
#include "core/pipeline/row_store.hpp"
#include "core/pipeline/run_options.hpp"
#include "core/pipeline/text_set.hpp"
#include "core/pipeline/tokenized_texts.hpp"
#include "core/pipeline/window_size.hpp"
#include "core/ports.hpp"
#include "core/row_reuse.hpp"

namespace embedtool {

/// What every stage of a run uses; constant during the run.
struct RunContext {
  const TokenSettings tokens;
  const Encoder& encoder;
  const OutputSpec& spec;
  const RunOptions& options;
  DocumentSource& source;
  RejectSink& rejects;
};

/// The unit of sorting, of memory and of restoring order. A recycled slot that passes through
///   fill (reader) → tokenize chunks (workers) → plan (the last of them) → encode batches (workers)
///   → finish (the last of them) → write (writer).
/// Chunks and batches of one window touch disjoint parts, so several threads may work on it at
/// once; WindowRing orders the steps.
class Window {
 public:
  /// Reads the next records, as many as `size` says; false at the end of the input. Finds equal
  /// texts, and texts whose rows are known, and cuts the others into tokenize chunks.
  bool fill(const RunContext& context, WindowSize& size, StageClock& clock);

  std::size_t records() const { return texts_.records(); }
  std::size_t chunks() const { return tokens_.chunks(); }
  void tokenize(std::size_t chunk, TokenFeed& feed) { tokens_.tokenize(texts_, chunk, feed); }

  /// Applies --on-long and fixes the output rows. Afterwards, lengths() holds the lengths of the
  /// texts to encode.
  void plan(const RunContext& context);
  std::span<const std::uint32_t> lengths() const { return lengths_; }
  /// Cuts batches; smaller ones towards the end of the window, unless others follow.
  void cut(const BatchLimits& limits, std::size_t workers);
  const BatchLimits& limits() const { return limits_; }
  const BatchShape& largest() const { return largest_; }
  std::size_t batches() const { return plan_.batches.size(); }
  const PlannedBatch& batch(std::size_t i) const { return plan_.batches[i]; }
  /// The clock is in Stage::batch.
  void encode(const RunContext& context, std::size_t batch, BatchEncoder& worker,
              StageClock& clock);

  /// Fills in the rows that were not encoded; see RowStore::finish().
  void finish() { rows_.finish(texts_.documents(), reused_); }
  /// The finished rows. Valid until the next fill().
  EmbeddingBlock rows() const { return rows_.view(texts_.documents()); }

  /// Adds this window's share to a run's account; call after finish().
  void account(const Encoder& encoder, RunCounts& counts, RunWork& work) const;
  /// Memory held.
  std::size_t bytes() const;

 private:
  std::size_t vectors_of(const RunContext& context, std::uint32_t record, std::uint32_t text) const;
  void append(std::uint32_t text, BatchBuilder& batch) const;
  void find_known_rows(const RunContext& context, StageClock& clock);
  bool is_dropped(const RunContext& context, std::uint32_t text) const;
  void reject_too_long(const RunContext& context, const Record& record) const;

  TextSet texts_;
  bool is_full_ = false;  ///< so that there is more input, almost certainly
  ReusedRows reused_;
  std::vector<Hash128> hashes_;  ///< of the texts
  TokenizedTexts tokens_;
  std::vector<std::uint32_t> encoded_;  ///< texts that go to the encoder
  std::vector<std::uint32_t> lengths_;  ///< tokens of each of them
  Plan plan_;                           ///< over encoded_
  BatchLimits limits_;
  BatchShape largest_;
  std::vector<std::uint64_t> computed_rows_;  ///< of each batch; its worker writes it
  RowStore rows_;
};

}  // namespace embedtool
