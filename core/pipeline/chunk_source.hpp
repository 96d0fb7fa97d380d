#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/profile.hpp"
#include "core/pipeline/chunk_records.hpp"
#include "core/pipeline/late_reading.hpp"
#include "core/pipeline/report.hpp"
#include "core/pipeline/run_options.hpp"
#include "core/ports.hpp"
#include "core/text/chunk/chunker.hpp"

namespace embedtool {

/// Hands out a source's documents chunk by chunk: each is a record of its own, so that everything
/// behind it treats chunks as ordinary texts. A chunk's id is `<id>#<k>`, with k from 0; a text
/// that fits in one chunk, ready ids and a ready vector are chunk 0 of 1. The chunks of one
/// document share its ordinal, position and kept fields, and may come in several blocks: a block is
/// no larger than its limits, however long a document is.
///
/// Under late chunking, records have pieces, and a document of several chunks becomes a record for
/// each window in which the model reads it (LateReading).
///
/// A document that cannot be cut is rejected. As a source, it is read by one thread; progress() may
/// be called from others.
class ChunkSource final : public DocumentSource {
 public:
  /// `documents` and `rejects` must outlive it. Throws as Chunker does. `tokens` are what the model
  /// reads; where they have no tokenizer, texts go through uncut, for find_texts() to refuse.
  ChunkSource(DocumentSource& documents, const TokenSettings& tokens, const ChunkOptions& options,
              RejectSink& rejects);

  bool read(DocumentBlock& block, const BlockLimits& limits) override;
  /// Counts documents.
  SourceProgress progress() const override;
  std::span<const std::string> file_names() const override { return documents_.file_names(); }

  /// The clock of the thread that reads; cutting is charged to it as Stage::chunk.
  void set_clock(StageClock* clock) { clock_ = clock; }
  /// For the thread that reads, or after it.
  const ChunkCounts& counts() const { return counts_; }
  /// Memory held.
  std::size_t bytes() const;

 private:
  bool read_documents(const BlockLimits& limits);
  void open_document();
  void cut(const Record& document);
  void open_ready(const Record& document);
  void count_chunks();
  void add_part(DocumentBlock& block);
  void reject(const Record& record, const std::string& reason);
  std::uint64_t next_position() const;

  DocumentSource& documents_;
  const ChunkOptions options_;
  const TokenSettings tokens_;  ///< of a chunk
  RejectSink& rejects_;
  std::optional<Chunker> chunker_;
  std::optional<LateReading> late_;
  StageClock* clock_ = nullptr;

  DocumentBlock block_;        ///< documents that have been read
  std::uint64_t end_ = 0;      ///< position behind them
  std::size_t next_ = 0;       ///< index of the one to be cut next
  bool more_at_once_ = false;  ///< the source has more without waiting

  std::size_t document_ = 0;      ///< index of the one whose chunks are handed out
  std::vector<ChunkSpan> spans_;  ///< of it
  std::size_t parts_ = 0;         ///< records that it becomes
  std::size_t part_ = 0;          ///< the next of them
  std::string prefix_;            ///< what each of its chunks begins with
  std::size_t prefix_tokens_ = 0;
  ChunkRecords records_;
  ChunkCounts counts_;
  std::atomic<std::uint64_t> rejected_{0};
};

}  // namespace embedtool
