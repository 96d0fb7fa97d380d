#include "core/pipeline/chunk_records.hpp"

#include <array>
#include <charconv>

namespace embedtool {

Slice append_chunk_id(std::string_view document, std::size_t index, DocumentBlock& block) {
  std::array<char, 24> number{'#'};
  const auto written = std::to_chars(number.data() + 1, number.data() + number.size(), index);
  const Slice id = block.append(document);
  const Slice end = block.append({number.data(), written.ptr});
  return {id.offset, id.size + end.size};
}

std::span<const Slice> kept_of(const DocumentBlock& block, std::size_t index) {
  const std::size_t fields = block.kept.size() / block.records.size();
  return {block.kept.data() + index * fields, fields};
}

void ChunkRecords::begin_document(const DocumentBlock& documents, std::size_t index,
                                  std::string_view prefix) {
  documents_ = &documents;
  document_ = index;
  prefix_ = prefix;
  is_shared_ = false;
}

void ChunkRecords::add(const ChunkSpan& span, std::size_t index, std::size_t count,
                       DocumentBlock& block) {
  if (!is_shared_) share(block);
  ChunkPlace place = place_of(span, index, count);
  Record chunk = document();
  chunk.id = append_chunk_id(documents_->id(chunk), index, block);
  chunk.payload = put_payload(block, place);
  if (late_) {
    ChunkPiece all;
    all.chunk = static_cast<std::uint32_t>(block.chunks.size());
    block.pieces_of.push_back({block.pieces.size(), 1});
    block.pieces.push_back(all);
  }
  block.chunks.push_back(place);
  put(chunk, block);
}

void ChunkRecords::add_window(std::span<const TokenId> ids, std::span<const ChunkPiece> pieces,
                              std::span<const ChunkSpan> spans, DocumentBlock& block) {
  if (!is_shared_) share(block);
  Record window = document();
  window.kind = RecordKind::token_ids;
  window.id = id_;
  window.payload = {block.token_ids.size(), ids.size()};
  block.token_ids.insert(block.token_ids.end(), ids.begin(), ids.end());
  block.pieces_of.push_back({block.pieces.size(), pieces.size()});
  for (ChunkPiece piece : pieces) {
    const std::size_t index = piece.chunk;
    piece.chunk = static_cast<std::uint32_t>(block.chunks.size());
    block.pieces.push_back(piece);
    if (!piece.ends_chunk) continue;
    ChunkPlace place = place_of(spans[index], index, spans.size());
    place.text =
        block.append(documents_->text(document()).substr(place.begin, place.end - place.begin));
    block.chunks.push_back(place);
  }
  put(window, block);
}

void ChunkRecords::put(Record chunk, DocumentBlock& block) {
  block.records.push_back(chunk);
  block.kept.insert(block.kept.end(), kept_.begin(), kept_.end());
}

void ChunkRecords::share(DocumentBlock& block) {
  id_ = block.append(documents_->id(document()));
  kept_.clear();
  std::span<const Slice> kept = kept_of(*documents_, document_);
  if (prefixed_) kept = kept.first(kept.size() - 1);
  for (const Slice value : kept) {
    kept_.push_back(value.is_null() ? value : block.append(documents_->string(value)));
  }
  is_shared_ = true;
}

ChunkPlace ChunkRecords::place_of(const ChunkSpan& span, std::size_t index,
                                  std::size_t count) const {
  ChunkPlace place;
  place.document = id_;
  place.index = static_cast<std::uint32_t>(index);
  place.count = static_cast<std::uint32_t>(count);
  place.begin = static_cast<std::uint32_t>(span.begin);
  place.end = static_cast<std::uint32_t>(span.end);
  place.begin_char = static_cast<std::uint32_t>(span.begin_char);
  place.end_char = static_cast<std::uint32_t>(span.end_char);
  return place;
}

Slice ChunkRecords::put_payload(DocumentBlock& block, ChunkPlace& place) const {
  switch (document().kind) {
    case RecordKind::text:
      break;
    case RecordKind::token_ids: {
      const auto ids = documents_->ids(document());
      const Slice slice{block.token_ids.size(), ids.size()};
      block.token_ids.insert(block.token_ids.end(), ids.begin(), ids.end());
      return slice;
    }
    case RecordKind::vector: {
      const auto values = documents_->vector(document());
      const Slice slice{block.values.size(), values.size()};
      block.values.insert(block.values.end(), values.begin(), values.end());
      return slice;
    }
  }
  const std::string_view text = documents_->text(document());
  const Slice prefix = block.append(prefix_);
  place.text = block.append(text.substr(place.begin, place.end - place.begin));
  return {prefix.offset, prefix.size + place.text.size};
}

}  // namespace embedtool
