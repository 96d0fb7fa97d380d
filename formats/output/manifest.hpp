#pragma once

// manifest.json and the lines of journal.jsonl.
//
// manifest.json (format_version 1):
//   format           "embedtool-output"
//   format_version   1
// of the run's identity (run_identity.hpp):
//   tool             "embedtool 0.1.0": who wrote it
//   model            fingerprint of the model
//   settings         {name: text}: all fields that have no member of their own
//   inputs           [{name, bytes, modified_ns, xxh128}], as stored: what was read of each.
//                    modified_ns (since 1970) is null for a pipe. Of a folder or list also
//                    files (how many) and listing (hash of their names, sizes and times); its
//                    xxh128 is that of their names and hashes
//   data             "parquet" | "npy" | "jsonl"
//   dims, dtype, multi_vector, int8_scale, kept_fields, `sparse` where it is
//   model_files      [{name, bytes, modified_ns, changed_ns}]: the model's files as they looked
//   when
//                    it was hashed; all null for one that was looked for and not there. Optional
// and of what was written:
//   rows             of all shards
//   shards           [{name, rows, first_row, bytes, xxh128}], in row order; parquet only. A name
//                    is a path from the directory; older outputs have shards beside the manifest
//   files            [{name, bytes, xxh128}]: everything else that belongs to the output
//   checksum         XXH3-128 of the file's bytes before this member's comma
//
// journal.jsonl, while a run is on its way: a header line {embedtool_journal: 2, identity {name:
// text}, checksum}; in version 1, identity was a list that other versions cannot compare with;
// then one line per published shard {shard, rows, first_row, bytes, xxh128, last_record,
// last_record_rows, prefix, rejects_bytes, rejects_end, checksum}. A torn last line is no line.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/hash.hpp"
#include "core/data.hpp"
#include "formats/output/run_identity.hpp"

namespace embedtool {

inline constexpr std::string_view kManifestName = "manifest.json";
inline constexpr std::string_view kJournalName = "journal.jsonl";
/// Where shards are, and nothing else: a folder that other readers take as it is.
inline constexpr std::string_view kDataFolder = "data";
inline constexpr std::string_view kReportName = "report.json";
inline constexpr std::string_view kRejectsName = "rejects.jsonl";
/// What it is called while the output that the run replaces is still there; see kTempPrefix.
inline constexpr std::string_view kStagedRejectsName = ".embedtool-tmp-rejects.jsonl";
/// Larger ones are refused unread.
inline constexpr std::size_t kMaxManifestBytes = std::size_t{64} << 20;
/// More would not fit: an entry takes less than 256 bytes.
inline constexpr std::size_t kMaxOutputShards = kMaxManifestBytes / 256 - 1024;

/// How far a rejects file had come: the rejects of all records before position `end` fill its first
/// `bytes` bytes.
struct RejectMark {
  std::uint64_t bytes = 0;
  std::uint64_t end = 0;
};

/// A published part. Its rows are first_row … first_row + rows - 1 of the output.
struct ShardEntry {
  std::string name;
  std::uint64_t rows = 0;
  std::uint64_t first_row = 0;
  std::uint64_t bytes = 0;
  Hash128 hash;
  // What a resumed run must know, in the journal only: Record::ordinal of the last row, how many
  // rows of that record the output holds so far (0 where it holds them all), Record::prefix of that
  // record, and the state of the rejects.
  std::uint64_t last_record = 0;
  std::uint64_t last_record_rows = 0;
  std::uint64_t prefix = 0;
  RejectMark rejects{};
};

struct FileEntry {
  std::string name;
  std::uint64_t bytes = 0;
  Hash128 hash;
};

struct Manifest {
  RunIdentity identity;
  /// Settings that another version of embedtool has written and this one does not know.
  Settings foreign_settings;
  std::uint64_t rows = 0;
  std::vector<ShardEntry> shards;
  std::vector<FileEntry> files;
};

/// The whole file. A function of the manifest alone.
std::string to_json(const Manifest& manifest);
/// Parses hostile text; `path` is for messages. Throws Error(failed) when a single byte differs
/// from what to_json() writes, when sizes do not add up, or for names that embedtool does not
/// write.
Manifest parse_manifest(std::string_view text, const std::string& path);
/// Whether a manifest.json claims to be embedtool's, damaged or not.
bool looks_like_manifest(std::string_view text);

/// Lines with their newline.
std::string journal_header(const RunIdentity& identity);
std::string journal_line(const ShardEntry& shard);

/// What a journal says, up to the first line that is not whole.
struct Journal {
  std::optional<RunIdentity> identity;  ///< none: another version of embedtool has written it
  std::vector<ShardEntry> shards;
  std::size_t valid_bytes = 0;
};
/// None when not even the header is whole.
std::optional<Journal> parse_journal(std::string_view text);

/// "data/part-00042.parquet"
std::string shard_name(std::size_t index);
/// The shards of a unit, and of a merged output: "data/part-000042-00000.parquet". They sort as
/// units do, which `unit` ≤ 999999 and `index` ≤ 99999 make sure of.
std::string unit_shard_name(std::size_t unit, std::size_t index);
bool is_unit_shard_name(std::string_view name);
/// Whether this version of embedtool, or an older one, may have put a file of this name into an
/// output.
bool is_output_name(std::string_view name);

}  // namespace embedtool
