#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/enum_words.hpp"
#include "formats/output/unit_files.hpp"

namespace embedtool {

/// How shards come from another directory.
enum class Transfer : std::uint8_t {
  automatic,  ///< a link; where there are none, moved; to another file system, copied
  link,
  copy,
  move,
};

struct MergeOptions {
  std::string output;
  std::vector<std::string> others;  ///< directories with more units of the job
  Transfer transfer = Transfer::automatic;
  bool mixed_kernels = false;  ///< units of several backends or instruction sets may be joined
};

/// Sums over the units, for a report.
struct UnitTotals {
  std::size_t units = 0;
  std::uint64_t records = 0;
  std::uint64_t rejected = 0;
  std::uint64_t rows = 0;
  std::uint64_t tokens = 0;
  std::uint64_t truncated = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  double seconds = 0;                                   ///< that units took, one after the other
  std::vector<std::pair<double, std::size_t>> slowest;  ///< seconds and unit, the slowest first
  std::map<std::string, std::size_t> hosts;             ///< units of each
  std::map<std::string, std::vector<std::size_t>> kernels;  ///< units of each
};

/// Makes the units of a job one output, of which no shard is opened: what its processes have
/// written is checked by their records, and by the files' sizes. Whenever it ends early, the same
/// calls go on. Not thread-safe.
class UnitMerge {
 public:
  /// Opens the directories. Throws Error(usage) if there is no job in them, or if they hold
  /// different ones, Error(failed) for damage.
  explicit UnitMerge(MergeOptions options);
  ~UnitMerge();
  UnitMerge(const UnitMerge&) = delete;
  UnitMerge& operator=(const UnitMerge&) = delete;

  /// The output is merged already; what an earlier merge has left is removed. Then nothing else is
  /// to be called.
  bool was_merged() const { return merged_; }
  const UnitPlan& plan() const { return plan_; }
  /// Looks for the records of all units, and returns the units that have none. May be called again,
  /// to see whether more have come. Changes nothing. Throws Error(failed) naming the first unit
  /// that does not fit the others, and what is wrong.
  std::vector<std::size_t> check();
  /// After check().
  const UnitTotals& totals() const { return totals_; }
  /// Of the merged output.
  const RunIdentity& identity() const { return manifest_.identity; }

  /// Once no unit is missing: brings shards here, writes rejects and the report, then the manifest,
  /// and removes the records. Throws Error(bad_record) if no record could be used, and
  /// Error(failed) for units of several kernels, unless they may be joined.
  void publish(const std::string& report);

 private:
  struct Source;

  void open_sources();
  void remove_records() const;
  std::optional<UnitRecord> find_record(std::size_t unit, std::size_t& source) const;
  void check_record(const UnitRecord& record, std::size_t source);
  void check_inputs(const UnitRecord& record);
  void add(const UnitRecord& record, std::size_t source);
  void check_whole();
  void fill_hashes();
  void transfer(const std::string& name, std::uint64_t bytes, const Source& from) const;
  void write_rejects();

  const MergeOptions options_;
  bool merged_ = false;
  std::vector<std::unique_ptr<Source>> sources_;  ///< the output first
  UnitPlan plan_;
  UnitTotals totals_;
  Manifest manifest_;
  /// Per unit that has one: where its shards and rejects are, what they are called.
  struct Found {
    std::size_t unit = 0;
    std::size_t source = 0;
    std::uint64_t lines_before = 0;  ///< of its file
    std::optional<FileEntry> rejects;
    std::size_t first_shard = 0;  ///< into manifest_.shards
    std::size_t shards = 0;
  };
  std::vector<Found> found_;
  std::map<std::string, std::pair<std::uint64_t, std::int64_t>> inputs_;  ///< sizes and times
  /// Names and hashes of whole files, by number.
  std::map<std::size_t, std::pair<std::string, InputDigest>> digests_;
  std::uint64_t lines_ = 0;  ///< of the file at hand, before the next unit
};

}  // namespace embedtool
