#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "core/data.hpp"
#include "core/text/chunk/chunker.hpp"

namespace embedtool {

/// Appends the id of a document's chunk, `<id>#<index>`.
Slice append_chunk_id(std::string_view document, std::size_t index, DocumentBlock& block);

/// The kept fields of a block's record.
std::span<const Slice> kept_of(const DocumentBlock& block, std::size_t index);

/// Writes the chunks of documents into blocks, as records. What the chunks of a document have in
/// common, its id and its kept fields, is in each block once. Not thread-safe.
class ChunkRecords {
 public:
  /// `prefixed`: the last kept field of a document is not one of its chunks'. `late`: records have
  /// pieces.
  ChunkRecords(bool prefixed, bool late) : prefixed_(prefixed), late_(late) {}

  /// What comes goes to a block that is empty.
  void begin_block() { is_shared_ = false; }
  /// What comes are chunks of the document `index` of `documents`, which stays unchanged until the
  /// last of them, as do the bytes of `prefix`.
  void begin_document(const DocumentBlock& documents, std::size_t index, std::string_view prefix);
  /// Appends chunk `index` of `count`: prefix and span where the document is a text, and else all
  /// of it.
  void add(const ChunkSpan& span, std::size_t index, std::size_t count, DocumentBlock& block);
  /// Appends a record that is read for several of the document's chunks, which are `spans`: the
  /// `chunk` of a piece is an index into these.
  void add_window(std::span<const TokenId> ids, std::span<const ChunkPiece> pieces,
                  std::span<const ChunkSpan> spans, DocumentBlock& block);

 private:
  void put(Record chunk, DocumentBlock& block);
  const Record& document() const { return documents_->records[document_]; }
  void share(DocumentBlock& block);
  ChunkPlace place_of(const ChunkSpan& span, std::size_t index, std::size_t count) const;
  Slice put_payload(DocumentBlock& block, ChunkPlace& place) const;

  const bool prefixed_;
  const bool late_;
  const DocumentBlock* documents_ = nullptr;
  std::size_t document_ = 0;
  std::string_view prefix_;
  // Where the document's own bytes are in the block.
  bool is_shared_ = false;
  Slice id_;
  std::vector<Slice> kept_;
};

}  // namespace embedtool
