#pragma once

// What the processes of one job tell each other, and merge: files in OUT/.units.
//
// plan.json, one line, made by the first process:
//   embedtool_units  1
//   identity         {name: text}, as in a journal
//   unit_bytes       the units' size
//   units            [[first_file, files, begin, end, cut]], as CorpusUnit, in order
//   checksum
// 000042.json, one line, published last of all files of unit 42, which it completes:
//   embedtool_unit   1
//   unit, unit_bytes
//   range            [first_file, files, begin, end, cut]
//   identity         likewise, without inputs and model files
//   inputs           [{name, bytes, modified_ns, read, xxh128}]: of each file of the unit how it
//                    looked, and how many bytes of it were read, with their hash
//   records, rejected, rows, tokens, truncated, lines, host, seconds
//   rejects          {name, bytes, xxh128} of 000042.rejects.jsonl, or null; its lines count from
//                    the beginning of the range
//   shards           [{name, rows, first_row, bytes, xxh128}], rows within the unit
//   checksum

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/hash.hpp"
#include "formats/corpus/corpus_units.hpp"
#include "formats/io/durable_file.hpp"
#include "formats/output/manifest.hpp"
#include "formats/output/run_identity.hpp"

namespace embedtool {

inline constexpr std::string_view kUnitsFolder = ".units";
inline constexpr std::string_view kPlanName = ".units/plan.json";

/// ".units/000042.json", ".units/000042.rejects.jsonl"
std::string unit_record_name(std::size_t unit);
std::string unit_rejects_name(std::size_t unit);

/// That the directory holds units that `merge` has yet to join: for messages.
std::string unmerged(const Directory& directory);

/// How a job cuts its corpus; the same for all its processes.
struct UnitPlan {
  RunIdentity identity;
  std::uint64_t unit_bytes = 0;
  std::vector<CorpusUnit> units;
};

/// A file of a unit.
struct UnitInput {
  std::string name;
  std::uint64_t bytes = 0;       ///< the file's size
  std::int64_t modified_ns = 0;  ///< its time, since 1970
  std::uint64_t read = 0;        ///< bytes that the unit has read of it
  std::string hash;              ///< of them; XXH3-128, hexadecimal
};

/// A finished unit.
struct UnitRecord {
  std::size_t unit = 0;
  std::uint64_t unit_bytes = 0;
  CorpusUnit range;
  RunIdentity identity;  ///< without inputs and model files
  std::vector<UnitInput> inputs;
  std::uint64_t records = 0;  ///< good and bad
  std::uint64_t rejected = 0;
  std::uint64_t rows = 0;
  std::uint64_t tokens = 0;
  std::uint64_t truncated = 0;
  std::uint64_t lines = 0;  ///< line ends in its range, if it is cut
  std::string host;
  double seconds = 0;
  std::optional<FileEntry> rejects;
  std::vector<ShardEntry> shards;
};

/// Both have one line.
std::string to_json(const UnitPlan& plan);
std::string to_json(const UnitRecord& record);

/// Parse hostile text; `path` is for messages. Throw Error(failed) for a single byte that differs
/// from what to_json() writes, and for a record that is not that unit's.
UnitPlan parse_unit_plan(std::string_view text, const std::string& path);
UnitRecord parse_unit_record(std::string_view text, const std::string& path, std::size_t unit);

/// None if there is no such file. Throws Error(failed) naming it if it is damaged.
std::optional<UnitPlan> load_unit_plan(const Directory& directory);
std::optional<UnitRecord> load_unit_record(const Directory& directory, std::size_t unit);

/// The first shard of a unit, or its rejects, that is not there with its size, as a sentence; empty
/// if all are. Shards may be in `other` as well, if there is one.
std::string missing_file(const Directory& directory, const UnitRecord& record,
                         const Directory* other = nullptr);
/// Whether a regular file of that size is there.
bool is_there(const Directory& directory, const std::string& name, std::uint64_t bytes);

/// What keeps a run, or a unit, from belonging to a job: as first_difference(), with the remedy.
std::string plan_difference(const UnitPlan& plan, const UnitPlan& now);
std::string unit_difference(const UnitPlan& plan, const UnitRecord& record);
/// Backend and instruction set, which decide a vector's last bits.
std::string kernels_of(const RunIdentity& identity);

}  // namespace embedtool
