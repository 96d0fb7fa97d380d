#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/data.hpp"
#include "core/model/encoder.hpp"
#include "core/pipeline/batch_model.hpp"
#include "core/pipeline/planner.hpp"
#include "core/pipeline/report.hpp"
#include "core/pipeline/run_options.hpp"
#include "core/ports.hpp"
#include "core/text/tokenizer.hpp"

namespace embedtool {

/// What every stage of a run knows; constant while it runs.
struct RunContext {
  const Tokenizer* tokenizer = nullptr;
  const Encoder& encoder;
  const OutputSpec& spec;
  const RunOptions& options;
  DocumentSource& source;
  RejectSink& rejects;
  std::size_t max_tokens = 0;  ///< resolved; 0 = no limit
};

/// What one worker owns.
struct WorkerState {
  Workspace workspace;
  std::unique_ptr<Tokenizer::Scratch> tokenizer;
  std::string prompted;      ///< prompt + text
  std::uint64_t window = 0;  ///< number of the window that it works on
  BatchBuilder batch;
  RowBatch rows;
  RunReport counts;  ///< its share of the report
};

/// The unit of sorting, of memory and of order restoration. A recycled slot that goes through
///   fill (reader) → tokenize chunks (workers) → plan (the last of them) → encode batches (workers)
///   → finish (the last of them) → write (writer).
/// Chunks and batches of one window touch disjoint parts, so several threads may work on it at
/// once; the steps themselves are ordered by the scheduler in run.cpp.
class Window {
 public:
  /// Reads the next records; false at the end of the input. Hashes them, collapses duplicates and
  /// cuts the unique ones into tokenize chunks.
  bool fill(const RunContext& context, StageClock& clock);

  std::size_t records() const { return documents_.records.size(); }
  std::size_t chunks() const { return chunk_ends_.size(); }
  void tokenize(const RunContext& context, std::size_t chunk, WorkerState& worker);

  /// Applies --on-long and fixes the output rows. Then lengths() are those of the texts to encode.
  void plan(const RunContext& context);
  std::span<const std::uint32_t> lengths() const { return lengths_; }
  /// Cuts batches.
  void cut(const BatchLimits& limits, std::size_t workers);
  const BatchLimits& limits() const { return limits_; }
  const BatchShape& largest() const { return largest_; }
  const Plan& cuts() const { return plan_; }
  std::size_t batches() const { return plan_.batches.size(); }
  /// The clock is in Stage::batch.
  void encode(const RunContext& context, std::size_t batch, WorkerState& worker, StageClock& clock);

  /// Fills in what is not encoded: duplicates and ready vectors.
  void finish(const RunContext& context);
  /// The finished rows. Valid until the next fill().
  EmbeddingBlock rows() const;

  /// This window's share of the report; call after finish().
  void account(const RunContext& context, RunReport& report) const;
  std::size_t bytes() const;

 private:
  /// A text or id sequence to encode; several records may share one.
  struct Unique {
    std::uint32_t record = 0;   ///< its first record
    std::uint32_t row = 0;      ///< output row of the first record
    std::uint32_t chunk = 0;    ///< whose token buffer holds its ids
    std::uint64_t offset = 0;   ///< into that buffer
    std::uint32_t length = 0;   ///< tokens
    std::uint32_t vectors = 1;  ///< that it gives, or entries of its sparse row
    std::uint32_t batch = 0;    ///< whose sparse rows hold its own
    std::uint64_t entry = 0;    ///< where that begins
    bool truncated = false;
    bool dropped = false;  ///< too long under --on-long skip
  };

  void collapse_duplicates(const RunContext& context);
  void cut_chunks();
  bool same_payload(const Record& a, const Record& b) const;
  void tokenize_one(const RunContext& context, Unique& unique, WorkerState& worker,
                    std::vector<TokenId>& ids);
  void drop_too_long(const RunContext& context);
  std::span<const TokenId> ids_of(const Unique& unique) const {
    return {chunk_ids_[unique.chunk].data() + unique.offset, unique.length};
  }
  void lay_out_rows(const RunContext& context);
  std::byte* row_bytes(const RunContext& context, std::uint32_t row);
  void store(const RunContext& context, std::uint32_t row, std::size_t vectors,
             const float* values);
  void encode_sparse(const RunContext& context, std::size_t batch, const Batch& ragged,
                     WorkerState& worker, StageClock& clock);
  void lay_out_sparse();

  static constexpr std::uint32_t kNone = 0xffffffffU;

  DocumentBlock documents_;
  std::vector<Hash128> hashes_;           ///< of each record's payload
  std::vector<std::uint32_t> unique_of_;  ///< record → index into uniques_, kNone: ready vector
  std::vector<std::uint32_t> table_;      ///< hash table of uniques
  std::vector<Unique> uniques_;
  std::vector<std::uint32_t> chunk_ends_;  ///< uniques of chunk c end here
  std::vector<std::vector<TokenId>> chunk_ids_;
  std::vector<std::uint32_t> encoded_;  ///< uniques that go to the encoder
  std::vector<std::uint32_t> lengths_;  ///< tokens of each of them
  Plan plan_;
  BatchLimits limits_;
  BatchShape largest_;
  std::vector<RowInfo> rows_;
  std::vector<std::uint64_t> vector_offsets_;
  std::vector<std::uint64_t> computed_rows_;  ///< of each batch; its worker writes it
  std::vector<RowBatch> sparse_;              ///< of each batch
  std::span<const std::string> tokens_;
  Buffer<std::byte> vectors_;
  std::vector<SparseEntry> weights_;
  std::size_t vector_count_ = 0;
  std::size_t vector_size_ = 0;  ///< bytes
};

}  // namespace embedtool
