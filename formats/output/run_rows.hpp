#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/flat_table.hpp"
#include "core/base/mutex.hpp"
#include "core/base/zeroed_array.hpp"
#include "core/row_reuse.hpp"
#include "formats/output/hash_index.hpp"
#include "formats/output/output_rows.hpp"
#include "formats/output/row_journal.hpp"
#include "formats/output/run_output.hpp"

namespace embedtool {

/// A set of hashes that may take some for members that are not. Not thread-safe.
class HashFilter {
 public:
  explicit HashFilter(std::size_t bytes);
  void add(const Hash128& hash);
  bool may_have(const Hash128& hash) const;

 private:
  std::size_t block_of(const Hash128& hash) const;

  std::size_t blocks_;
  ZeroedArray<std::uint64_t> bits_;
};

/// The rows of the run that is being written, for texts that come again in a later window.
///
/// Hashes are in a table in memory; when it is full, they go to a sorted file, and a filter says
/// for which texts the files are worth asking. Of rows, a journal keeps those whose shard is not
/// published yet, also for a run that goes on after this one was killed; the others are read from
/// their shards. Both are bounded: texts beyond what the filter can tell apart are not remembered,
/// and are encoded each time.
class RunRows final : public RowReuse {
 public:
  /// `output` has been opened for Parquet rows of `identity` and outlives this; `spec` is its.
  /// Scratch files go to `scratch`. `memory` is shared out between the table, the filter
  /// and the keys of rows that a stopped run has left.
  RunRows(const RunOutput& output, const RunIdentity& identity, const OutputSpec& spec,
          std::string scratch, std::size_t memory);

  /// Passes over texts that are found already.
  void find(std::span<const Hash128> texts, ReusedRows& out) override;
  void add(const EmbeddingBlock& block) override;

 private:
  struct Slot {
    Hash128 hash;
    std::uint64_t key = UINT64_MAX;  ///< RowKey, packed
    bool is_free() const { return key == UINT64_MAX; }
  };
  /// Rows that follow each other.
  struct Segment {
    RowJournal file;
    std::uint64_t first;           ///< row of the output
    std::vector<RowPlace> places;  ///< of each row
  };
  struct Wanted {
    RowKey key;
    std::uint32_t text = 0;
  };
  /// Where a row's bytes are.
  struct Place {
    std::shared_ptr<const Segment> segment;
    RowPlace in_file;
  };

  void begin_segment() EMBEDTOOL_REQUIRES(mutex_);
  void remember(const EmbeddingBlock& block) EMBEDTOOL_REQUIRES(mutex_);
  void make_room() EMBEDTOOL_REQUIRES(mutex_);
  void spill() EMBEDTOOL_REQUIRES(mutex_);
  void look_up(std::span<const Hash128> texts, const ReusedRows& out);
  void take_from_shards(std::size_t count, ReusedRows& out);
  void take_from_segments(std::size_t first, ReusedRows& out);

  const RunOutput& output_;
  const Hash128 fingerprint_;
  const OutputSpec spec_;
  const std::string scratch_;
  const std::size_t table_entries_;
  const std::uint64_t most_;  ///< texts

  // The writer's.
  std::uint64_t rows_ = 0;  ///< of the output, before the next block
  std::size_t shards_ = 0;  ///< that published_ or manifest_ has

  // The reader's.
  std::optional<RecoveredRows> recovered_;  ///< while there are any
  Manifest manifest_;                       ///< of what was published when fetcher_ was made
  std::unique_ptr<RowFetcher> fetcher_;
  std::vector<Wanted> wanted_;  ///< by row
  std::vector<Place> places_;   ///< of the last of them
  std::vector<std::uint64_t> numbers_;
  std::vector<std::byte> bytes_;

  Mutex mutex_;
  FlatTable<Slot> table_ EMBEDTOOL_GUARDED_BY(mutex_);
  std::size_t in_table_ EMBEDTOOL_GUARDED_BY(mutex_) = 0;
  std::uint64_t known_ EMBEDTOOL_GUARDED_BY(mutex_) = 0;
  HashFilter filter_ EMBEDTOOL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<HashIndex>> files_
      EMBEDTOOL_GUARDED_BY(mutex_);  ///< find() is the reader's
  std::deque<std::shared_ptr<Segment>> segments_ EMBEDTOOL_GUARDED_BY(mutex_);
  std::optional<Manifest> published_ EMBEDTOOL_GUARDED_BY(mutex_);  ///< newer than manifest_
};

/// Several places to look, one after the other.
class RowReuseChain final : public RowReuse {
 public:
  explicit RowReuseChain(std::vector<std::unique_ptr<RowReuse>> links) : links_(std::move(links)) {}
  void find(std::span<const Hash128> texts, ReusedRows& out) override {
    for (const auto& link : links_) link->find(texts, out);
  }
  void add(const EmbeddingBlock& block) override {
    for (const auto& link : links_) link->add(block);
  }
  void settle() override {
    for (const auto& link : links_) link->settle();
  }

 private:
  std::vector<std::unique_ptr<RowReuse>> links_;
};

}  // namespace embedtool
