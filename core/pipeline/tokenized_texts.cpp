#include "core/pipeline/tokenized_texts.hpp"

#include "core/base/memory.hpp"

namespace embedtool {
namespace {

/// A chunk ends after this many bytes of text: some tenths of a millisecond of work.
constexpr std::size_t kChunkBytes = std::size_t{64} << 10U;

}  // namespace

void TokenizedTexts::cut(const TextSet& texts, const ReusedRows& reused) {
  texts_.assign(texts.texts(), {});
  chunk_ends_.clear();
  std::size_t bytes = 0;
  bool open = false;
  for (std::uint32_t t = 0; t < texts_.size(); ++t) {
    if (reused.is_copied(t)) continue;
    texts_[t].chunk = static_cast<std::uint32_t>(chunk_ends_.size());
    bytes += texts.record(texts.first_record(t)).payload.size;
    open = bytes < kChunkBytes;
    if (open) continue;
    chunk_ends_.push_back(t + 1);
    bytes = 0;
  }
  if (open) chunk_ends_.push_back(static_cast<std::uint32_t>(texts_.size()));
  if (chunk_ids_.size() < chunk_ends_.size()) chunk_ids_.resize(chunk_ends_.size());
}

void TokenizedTexts::tokenize(const TextSet& texts, std::size_t chunk, TokenFeed& feed) {
  std::vector<TokenId>& ids = chunk_ids_[chunk];
  ids.clear();
  for (std::uint32_t t = chunk == 0 ? 0 : chunk_ends_[chunk - 1]; t < chunk_ends_[chunk]; ++t) {
    Text& text = texts_[t];
    if (text.chunk == kNoChunk) continue;
    text.offset = ids.size();
    const Record& record = texts.record(texts.first_record(t));
    const TokenizeResult result = feed.append(texts.documents(), record, ids);
    text.length = result.n_tokens;
    text.truncated = result.truncated;
  }
}

std::size_t TokenizedTexts::bytes() const {
  std::size_t bytes = capacity_bytes(texts_, chunk_ends_, chunk_ids_);
  for (const std::vector<TokenId>& ids : chunk_ids_) bytes += capacity_bytes(ids);
  return bytes;
}

}  // namespace embedtool
