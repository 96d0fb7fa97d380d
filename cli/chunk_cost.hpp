#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/pipeline/chunk_source.hpp"
#include "core/pipeline/run_options.hpp"
#include "core/text/token_feed.hpp"
#include "formats/corpus/corpus_survey.hpp"
#include "formats/corpus/dropped_rejects.hpp"

namespace embedtool {

/// What records come to in a run that cuts them into chunks, found by cutting them. Not
/// thread-safe.
class ChunkCost {
 public:
  /// `tokens` must outlive it.
  ChunkCost(const TokenSettings& tokens, const ChunkOptions& options);
  ~ChunkCost();

  RecordCost of(const DocumentBlock& block, const Record& record);

 private:
  class OneRecord;

  const bool joined_;
  TokenFeed feed_;
  DroppedRejects rejects_;
  std::unique_ptr<OneRecord> record_;
  ChunkSource chunks_;
  DocumentBlock cut_;
  std::vector<TokenId> ids_;
};

}  // namespace embedtool
