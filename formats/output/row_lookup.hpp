#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/flat_table.hpp"
#include "core/base/hash.hpp"
#include "formats/output/hash_index.hpp"
#include "formats/output/output_rows.hpp"

namespace embedtool {

/// A stretch of an output's rows, by their hashes.
class KeyedBlock {
 public:
  /// Replaces the block by the reader's next rows.
  void load(KeyReader& reader, std::size_t most);
  const RowKey* find(const Hash128& hash) const;
  std::uint64_t end() const { return first_ + keys_.size(); }
  std::size_t size() const { return keys_.size(); }

 private:
  struct Slot {
    std::uint32_t key = 0xFFFFFFFF;
    bool is_free() const { return key == 0xFFFFFFFF; }
  };
  std::uint64_t first_ = 0;
  std::vector<KeyedRow> keys_;
  FlatTable<Slot> table_;
};

/// Finds an output's rows by the hashes of their texts, window by window. A corpus mostly keeps its
/// order, so a cursor goes through the output beside the windows and holds the keys around its
/// place; what is not found there is looked up in an index on disk, which is built when it is first
/// needed. Memory does not grow with the output, but for 8 bytes for every 170 rows. Not
/// thread-safe.
class RowLookup {
 public:
  /// Directory and manifest outlive it. The index is made in `scratch`, within `memory` bytes; when
  /// `stop` turns true, it is given up and nothing more is found.
  RowLookup(const Directory& directory, const Manifest& manifest, std::string scratch,
            std::size_t memory, const std::atomic<bool>* stop);
  /// Passes over rows that lie scattered in the output, and over the few texts of a window that are
  /// not beside the cursor: looking for each of them and reading its page would take longer than
  /// encoding the text.
  void pass_scattered() { passes_scattered_ = true; }

  /// Fills in the keys of the texts that have none yet and that the output has.
  void find(std::span<const Hash128> texts, std::span<std::optional<RowKey>> keys);

 private:
  void load_around(std::uint64_t row, std::size_t window);
  void follow(std::size_t window);
  bool build_index();
  void look_near(std::span<const Hash128> texts, std::span<std::optional<RowKey>> keys);
  bool is_worth_an_index(std::size_t texts) const;
  void look_in_index(std::span<const Hash128> texts, std::span<std::optional<RowKey>> keys);

  const Directory& directory_;
  const Manifest& manifest_;
  std::string scratch_;
  std::size_t memory_;
  const std::atomic<bool>* stop_;
  KeyReader reader_;
  KeyedBlock near_;
  KeyedBlock far_;  ///< the rows after near_
  bool passes_scattered_ = false;
  std::uint64_t place_ = 0;
  std::vector<std::uint64_t> near_rows_;  ///< found beside the cursor in this window
  std::vector<std::uint64_t> far_rows_;   ///< found in the index
  std::vector<std::size_t> found_;        ///< texts beside the cursor in this window
  std::vector<std::size_t> missing_;      ///< and those that are not
  std::optional<HashIndex> index_;
};

}  // namespace embedtool
