#pragma once

// What changed between two outputs: a feed that brings an index of the old one up to date.
//
// One row for each change, deletes first (in the order of their ids), then inserts and updates in
// the order of the new output's rows:
//   op        "delete", "insert" or "update"
//   id        the record's id
//   what      of an update: "text", "fields" or "both". "ambiguous" where rows of either output
//   share
//             the id and are not the same: one delete stands for all of the old ones, and each of
//             the new ones is an insert. Else null
//   old_hash  text_hash in the old output as hexadecimal digits, null for an insert
//   new_hash  in the new one, null for a delete
//   shard     the new output's file with the row, relative to the output, null for a delete
//   row       its number in that file, from 0, null for a delete
// To apply it: remove the ids of deletes; then put the rows of inserts and updates, by their id.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/hash.hpp"
#include "core/pipeline/report.hpp"
#include "formats/io/byte_io.hpp"
#include "formats/io/durable_file.hpp"
#include "formats/output/manifest.hpp"

namespace embedtool {

/// A row of the feed.
struct Change {
  std::string_view op;
  std::string_view id;
  std::string_view what;  ///< empty: null
  std::optional<Hash128> old_hash;
  std::optional<Hash128> new_hash;
  std::string_view shard;  ///< empty: null, as is the row
  std::uint64_t row = 0;
};

/// Where a feed goes.
class ChangeSink {
 public:
  virtual ~ChangeSink() = default;
  virtual void write(const Change& change) = 0;
  virtual void finish() = 0;
};

/// Lines of JSON. `out` outlives the sink.
std::unique_ptr<ChangeSink> open_change_lines(ByteSink& out);
/// A Parquet file. `out` outlives the sink.
std::unique_ptr<ChangeSink> open_change_table(ByteSink& out);
/// By the ending of the file's name. Throws Error(usage) for another than .parquet, .jsonl and
/// .ndjson; `option` names it.
bool is_change_table(std::string_view option, std::string_view path);

/// An output whose shards are published; it need not be complete.
struct PublishedRows {
  const Directory* directory = nullptr;  ///< null: there is none, which is an output without rows
  const Manifest* manifest = nullptr;
};

/// Compares two outputs row by row and writes the feed. Rows are joined by id within `memory`
/// bytes, with scratch files in `scratch`. Damage is an Error that names the file.
ChangeCounts find_changes(const PublishedRows& before, const PublishedRows& now,
                          const std::string& scratch, std::size_t memory, ChangeSink& sink);

/// The same into a file, which is complete or not there.
ChangeCounts write_changes(const PublishedRows& before, const PublishedRows& now,
                           const std::string& scratch, std::size_t memory, const std::string& path);

}  // namespace embedtool
