#include "core/pipeline/chunk_source.hpp"

#include <algorithm>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/base/memory.hpp"

namespace embedtool {

namespace {

TokenSettings chunk_settings(TokenSettings tokens, const ChunkOptions& options) {
  if (options.tokens > 0) tokens.max_tokens = options.tokens;
  return tokens;
}

}  // namespace

ChunkSource::ChunkSource(DocumentSource& documents, const TokenSettings& tokens,
                         const ChunkOptions& options, RejectSink& rejects)
    : documents_(documents),
      options_(options),
      tokens_(chunk_settings(tokens, options)),
      rejects_(rejects),
      records_(options.prefixed, options.pooling == ChunkPooling::late) {
  if (tokens_.tokenizer == nullptr) return;
  chunker_.emplace(tokens_, options_.rule);
  if (options_.pooling == ChunkPooling::late) late_.emplace(tokens_, tokens.max_tokens);
}

bool ChunkSource::read(DocumentBlock& block, const BlockLimits& limits) {
  block.clear();
  records_.begin_block();
  while (block.records.size() < limits.records && block.byte_size() < limits.bytes) {
    if (part_ < parts_) {
      add_part(block);
    } else if (next_ < block_.records.size()) {
      open_document();
    } else {
      // A slow source's chunks are not held back, and a fast one's blocks are filled.
      if (!block.records.empty() && !more_at_once_) break;
      if (!read_documents(limits)) {
        if (block.records.empty()) return false;
        break;
      }
      if (block_.records.empty()) break;
    }
  }
  block.end = next_position();
  return true;
}

bool ChunkSource::read_documents(const BlockLimits& limits) {
  next_ = 0;
  more_at_once_ = documents_.read(block_, limits);
  if (!more_at_once_) {
    block_.clear();
    return false;
  }
  end_ = block_.end;
  more_at_once_ = block_.records.size() >= limits.records || block_.byte_size() >= limits.bytes;
  return true;
}

/// Cuts the next document. One that is rejected has no chunks.
void ChunkSource::open_document() {
  document_ = next_++;
  prefix_.clear();
  prefix_tokens_ = 0;
  part_ = parts_ = 0;
  spans_.clear();
  const Record& document = block_.records[document_];
  if (document.kind == RecordKind::text && chunker_ && clock_ != nullptr) {
    const StageScope cutting(*clock_, Stage::chunk);
    cut(document);
  } else if (document.kind == RecordKind::text && chunker_) {
    cut(document);
  } else {
    open_ready(document);
  }
  if (spans_.empty()) return;
  const bool windows = late_ && spans_.size() > 1;
  parts_ = windows ? late_->windows() : spans_.size();
  records_.begin_document(block_, document_, prefix_);
  count_chunks();
}

void ChunkSource::count_chunks() {
  ++counts_.documents;
  counts_.per_document.add(spans_.size());
  counts_.chunks += spans_.size();
  counts_.prefix_tokens += spans_.size() * prefix_tokens_;
  for (const ChunkSpan& span : spans_) {
    counts_.overlap_tokens += span.overlap_tokens;
    counts_.lengths.add(span.n_tokens);
  }
}

void ChunkSource::cut(const Record& document) {
  if (options_.prefixed) {
    const Slice value = kept_of(block_, document_).back();
    if (!value.is_null() && value.size > 0) {
      prefix_ = block_.string(value);
      prefix_ += options_.joiner;
    }
  }
  if (!prefix_.empty()) prefix_tokens_ = chunker_->count_alone(prefix_);
  const std::string problem = chunker_->split(block_.text(document), prefix_, spans_);
  if (!problem.empty()) return reject(document, problem);
  if (late_ && spans_.size() > 1) late_->open(block_.text(document), spans_);
}

/// What is not cut: ids that are final, and vectors.
void ChunkSource::open_ready(const Record& document) {
  if (document.kind == RecordKind::token_ids && tokens_.max_tokens > 0 &&
      document.payload.size > tokens_.max_tokens) {
    reject(document, fmt::format("its {} token ids do not fit in a chunk of {}, and ids are not "
                                 "cut; give the text, or fewer ids",
                                 document.payload.size, tokens_.max_tokens));
    return;
  }
  const bool text = document.kind == RecordKind::text;
  const bool ids = document.kind == RecordKind::token_ids;
  spans_.push_back({0, text ? document.payload.size : 0, 0, 0,
                    static_cast<std::uint32_t>(ids ? document.payload.size : 0), 0});
}

/// The next chunk, or the next window of several.
void ChunkSource::add_part(DocumentBlock& block) {
  if (late_ && spans_.size() > 1) {
    records_.add_window(late_->ids(part_), late_->pieces(part_), spans_, block);
  } else {
    records_.add(spans_[part_], part_, spans_.size(), block);
  }
  ++part_;
}

void ChunkSource::reject(const Record& document, const std::string& reason) {
  const std::string_view bytes =
      document.kind == RecordKind::text ? block_.text(document) : std::string_view();
  rejects_.add(
      {document.file, document.line, block_.id(document), reason, bytes, document.position});
  rejected_.fetch_add(1, std::memory_order_relaxed);
}

/// Of the first document some of whose chunks have not been handed out.
std::uint64_t ChunkSource::next_position() const {
  if (part_ < parts_) return block_.records[document_].position;
  return next_ < block_.records.size() ? block_.records[next_].position : end_;
}

SourceProgress ChunkSource::progress() const {
  SourceProgress progress = documents_.progress();
  const std::uint64_t rejected = rejected_.load(std::memory_order_relaxed);
  progress.records -= std::min(progress.records, rejected);
  progress.rejected += rejected;
  return progress;
}

std::size_t ChunkSource::bytes() const {
  return capacity_bytes(block_.records, block_.bytes, block_.token_ids, block_.values, block_.kept,
                        spans_) +
         (late_ ? late_->bytes() : 0);
}

}  // namespace embedtool
