#include "core/pipeline/text_set.hpp"

#include <algorithm>

#include "core/base/error.hpp"
#include "core/base/memory.hpp"

namespace embedtool {

void TextSet::find_texts(bool takes_text, const DocumentSource& source) {
  const std::size_t n = records();
  hashes_.resize(n);
  text_of_.assign(n, kNone);
  first_record_.clear();
  table_.clear(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    const Record& here = record(i);
    if (here.kind == RecordKind::text && !takes_text) {
      throw Error(ExitCode::usage,
                  "{}:{}: the record is a text, but the model folder has no tokenizer; give "
                  "input_ids, or add tokenizer.json, vocab.txt or a sentencepiece model",
                  source.file_names()[here.file], here.line);
    }
    hashes_[i] = hash_payload(i);
    if (here.kind == RecordKind::vector) continue;
    Slot& slot = table_[table_.place(hashes_[i].low, [&](const Slot& other) {
      const std::uint32_t first = first_record_[other.text];
      return hashes_[first] == hashes_[i] && same_payload(first, i);
    })];
    if (slot.is_free()) {
      slot.text = static_cast<std::uint32_t>(first_record_.size());
      first_record_.push_back(i);
    }
    text_of_[i] = slot.text;
  }
}

/// Seeds keep a text, an id sequence and a vector of the same bytes apart.
Hash128 TextSet::hash_payload(std::size_t record) const {
  const Record& here = this->record(record);
  switch (here.kind) {
    case RecordKind::text:
      return hash128(documents_.text(here));
    case RecordKind::token_ids: {
      const auto ids = documents_.ids(here);
      Hash128 hash = hash128(ids.data(), ids.size_bytes(), 1);
      for (const ChunkPiece& piece : documents_.pieces_in(record)) {
        if (piece.is_all()) break;
        hash = hash128(&piece.tokens, sizeof piece.tokens, hash.low ^ hash.high);
      }
      return hash;
    }
    case RecordKind::vector:
      break;
  }
  const auto values = documents_.vector(here);
  return hash128(values.data(), values.size_bytes(), 2);
}

/// The same text or ids, of which the same tokens are pooled.
bool TextSet::same_payload(std::size_t first, std::size_t second) const {
  const Record& a = record(first);
  const Record& b = record(second);
  if (a.kind != b.kind) return false;
  const auto same_span = [](const ChunkPiece& one, const ChunkPiece& other) {
    return one.tokens.begin == other.tokens.begin && one.tokens.end == other.tokens.end;
  };
  if (!std::ranges::equal(documents_.pieces_in(first), documents_.pieces_in(second), same_span)) {
    return false;
  }
  if (a.kind == RecordKind::text) return documents_.text(a) == documents_.text(b);
  return std::ranges::equal(documents_.ids(a), documents_.ids(b));
}

std::size_t TextSet::bytes() const {
  return capacity_bytes(documents_.records, documents_.bytes, documents_.token_ids,
                        documents_.values, documents_.kept, documents_.chunks, documents_.pieces,
                        documents_.pieces_of, hashes_, text_of_, first_record_) +
         table_.bytes();
}

}  // namespace embedtool
