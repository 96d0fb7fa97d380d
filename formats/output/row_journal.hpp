#pragma once

// OUT/.rows: rows that were computed and whose shard or unit is not complete yet. A run that is
// killed leaves them there, and the run that goes on takes them from there instead of encoding
// their texts again. What it writes is the same either way.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/flat_table.hpp"
#include "core/base/hash.hpp"
#include "core/data.hpp"
#include "core/row_reuse.hpp"
#include "formats/io/durable_file.hpp"
#include "formats/io/unique_fd.hpp"
#include "formats/output/run_identity.hpp"

namespace embedtool {

inline constexpr std::string_view kRowsFolder = ".rows";
/// The piece of a run that writes all shards itself.
inline constexpr std::string_view kShardPiece = "shard";

/// What rows must have in common to be exchanged bit for bit.
Hash128 row_fingerprint(const RunIdentity& identity);

/// Where a row's vectors or weights are in a journal.
struct RowPlace {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;  ///< bytes
};

/// A file of rows. One thread appends; read() is thread-safe for places that append() has given.
/// Of this machine's byte order. Losing power may cost its end, never more than that: every block
/// has a hash.
class RowJournal {
 public:
  /// A new file in `directory`, which outlives it. `piece` is what the rows will be part of, such
  /// as "unit-000042". Throws Error(failed) where it cannot be made.
  RowJournal(const Directory& directory, std::string_view piece, const Hash128& fingerprint);

  /// Adds a block's rows to the file, but for ready vectors and what no RowKey packs, and their
  /// places to `places`, one for each row. Throws Error(failed) when they cannot be written.
  void append(const EmbeddingBlock& block, const OutputSpec& spec, std::vector<RowPlace>& places);
  void read(const RowPlace& place, std::vector<std::byte>& out) const;
  /// The rows are safe elsewhere. Open files can still be read.
  void remove();

 private:
  void write(std::span<const std::byte> bytes);

  const Directory& directory_;
  std::string name_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
  std::vector<std::byte> block_;
};

/// Whether an output has rows in journals, which the next run may take; false where that cannot be
/// found out. For messages: throws nothing.
bool has_journaled_rows(const Directory& directory);

/// Removes all journals of an output; for one that is complete.
void remove_row_journals(const Directory& directory);

/// Which journals a run takes rows from.
struct JournalChoice {
  /// Whether the run is to write that piece.
  std::function<bool(std::string_view piece)> is_to_come;
  /// Nobody else writes journals here, so that those that are of no use can be removed.
  bool alone = false;
};

/// Finds the rows that earlier runs of the same output have left in journals. Not thread-safe.
class RecoveredRows final : public RowReuse {
 public:
  /// Reads the keys of as many rows as fit in `memory` bytes. A journal that is damaged is used up
  /// to the damage.
  RecoveredRows(const Directory& directory, const OutputSpec& spec, const Hash128& fingerprint,
                const JournalChoice& choice, std::size_t memory);

  std::uint64_t rows() const { return rows_; }
  void find(std::span<const Hash128> texts, ReusedRows& out) override;
  /// Removes the journals of a piece that is complete; what is open can still be found. May be
  /// called by another thread.
  void drop(std::string_view piece) const;

 private:
  struct Slot {
    Hash128 hash;
    RowPlace place;
    std::uint64_t key = UINT64_MAX;  ///< RowKey, packed, with the file's number as its row
    bool is_free() const { return key == UINT64_MAX; }
  };

  bool take(const std::string& name, const Hash128& fingerprint);
  std::uint64_t take_block(std::uint64_t at);
  void remember(const Hash128& hash, std::uint64_t key, const RowPlace& place);
  bool is_row(std::span<const std::byte> bytes) const;

  const Directory& directory_;
  const OutputSpec spec_;
  const std::size_t most_;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<DirectoryFile>> files_;
  FlatTable<Slot> table_;
  std::uint64_t rows_ = 0;
  std::vector<std::byte> block_;
};

}  // namespace embedtool
