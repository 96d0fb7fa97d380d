#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/base/flat_table.hpp"
#include "core/data.hpp"
#include "core/ports.hpp"

namespace embedtool {

/// A window's records, and the distinct payloads (texts or id sequences) among them, called texts.
/// Recycled. Not thread-safe while it is filled; shareable afterwards.
class TextSet {
 public:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  /// Replaces the records by the source's next ones; false at the end of its input.
  bool read(DocumentSource& source, const BlockLimits& limits) {
    return source.read(documents_, limits);
  }
  /// Hashes every payload and groups equal ones. Throws Error(usage) naming the record when one is
  /// a text and `takes_text` is false; `source` names its file.
  void find_texts(bool takes_text, const DocumentSource& source);

  const DocumentBlock& documents() const { return documents_; }
  std::size_t records() const { return documents_.records.size(); }
  const Record& record(std::size_t i) const { return documents_.records[i]; }
  const Hash128& hash_of(std::size_t record) const { return hashes_[record]; }
  /// The text of a record; kNone for one with a ready vector.
  std::uint32_t text_of(std::size_t record) const { return text_of_[record]; }

  std::size_t texts() const { return first_record_.size(); }
  /// The first record that has this text.
  std::uint32_t first_record(std::size_t text) const { return first_record_[text]; }

  /// Memory held.
  std::size_t bytes() const;

 private:
  /// A text in the hash table.
  struct Slot {
    std::uint32_t text = kNone;
    bool is_free() const { return text == kNone; }
  };

  Hash128 hash_payload(std::size_t record) const;
  bool same_payload(std::size_t first, std::size_t second) const;

  DocumentBlock documents_;
  std::vector<Hash128> hashes_;
  std::vector<std::uint32_t> text_of_;
  std::vector<std::uint32_t> first_record_;
  FlatTable<Slot> table_;
};

}  // namespace embedtool
