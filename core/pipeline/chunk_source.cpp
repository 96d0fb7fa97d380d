#include "core/pipeline/chunk_source.hpp"

#include <algorithm>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/base/memory.hpp"

namespace embedtool {

ChunkSource::ChunkSource(DocumentSource& documents, const TokenSettings& tokens,
                         const ChunkOptions& options, RejectSink& rejects)
    : documents_(documents),
      tokens_(tokens),
      options_(options),
      rejects_(rejects),
      records_(options.prefixed) {
  if (tokens_.tokenizer != nullptr) chunker_.emplace(tokens_, options_.rule);
}

bool ChunkSource::read(DocumentBlock& block, const BlockLimits& limits) {
  block.clear();
  records_.begin_block();
  while (block.records.size() < limits.records && block.byte_size() < limits.bytes) {
    if (span_ < spans_.size()) {
      add_chunk(block);
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
  span_ = 0;
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
  records_.begin_document(block_, document_, prefix_);
  ++counts_.documents;
  counts_.per_document.add(spans_.size());
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
  if (!problem.empty()) reject(document, problem);
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

void ChunkSource::add_chunk(DocumentBlock& block) {
  const ChunkSpan& span = spans_[span_];
  records_.add(span, span_, spans_.size(), block);
  ++counts_.chunks;
  counts_.overlap_tokens += span.overlap_tokens;
  counts_.prefix_tokens += prefix_tokens_;
  counts_.lengths.add(span.n_tokens);
  ++span_;
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
  if (span_ < spans_.size()) return block_.records[document_].position;
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
                        spans_);
}

}  // namespace embedtool
