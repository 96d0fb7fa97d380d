#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/enum_words.hpp"
#include "core/base/mutex.hpp"
#include "core/ports.hpp"
#include "formats/io/file_ops.hpp"
#include "formats/io/unique_fd.hpp"
#include "formats/output/manifest.hpp"

namespace embedtool {

/// What a bad record means for the run.
enum class OnError : std::uint8_t {
  fail,  ///< ends it: Error(bad_record)
  skip,  ///< is logged, and the run continues without it
};
template <>
inline constexpr auto enum_words<OnError> = std::to_array<EnumWord<OnError>>({
    {OnError::skip, "skip"},
    {OnError::fail, "fail"},
});

/// How many bad records a run tolerates. What a policy of the run leaves out, a
/// duplicate id or a long text, is not bad.
struct RejectBudget {
  std::uint64_t count = UINT64_MAX;
  double percent = 100.0;  ///< of all records, judged from the 1000th on and at the end
};

/// The share that a run tolerates by default. A wrong field, format or encoding spoils practically
/// every record, though a few may fit by chance (of random bytes, 0.8 % of the lines are text); a
/// corpus that is merely untidy keeps more than one record in a hundred.
inline constexpr std::string_view kDefaultMaxRejects = "99%";

struct RejectOptions {
  OnError on_error = OnError::fail;
  /// Where rejects go, one JSON object per line; empty = they are only counted.
  std::string path;
  /// As DocumentSource::file_name(), before there is a source; empty: files have no names.
  std::function<std::string(std::uint32_t)> file_name;
  std::size_t max_bytes = 256;  ///< of a bad record's bytes kept
  std::size_t remember = 5;     ///< how many of the first rejects examples() tells
  RejectBudget budget{};
  FileOps* ops = &system_file_ops();
};

/// Counts unusable records and writes them to a file of lines
///   {"file":…,"line":…,"id":…,"reason":…,"bytes":…}
/// in input order, whatever order they come in: a line is held back until settle() says that none
/// will come before it. "id" is null where it is unknown; "bytes" holds the record's beginning,
/// bytes that are not UTF-8 as \xNN and a backslash as \\. The file is made (or emptied) at the
/// first reject: a clean run leaves none. Thread-safe.
class RejectLog final : public RejectSink {
 public:
  explicit RejectLog(RejectOptions options);
  /// Writes the lines that are held back, as far as possible.
  ~RejectLog() override;

  /// Continues the file of an earlier run: cuts it to the mark, counts its lines, and ignores the
  /// rejects before the mark when they come again. Throws Error(failed) if the file is missing or
  /// too short. Call before the first add().
  void resume(const RejectMark& mark);

  /// Writes to `path` instead of the place in the options, until publish(). Call before the first
  /// add().
  void stage(const std::string& path);
  /// Gives a staged file its name. Throws Error(failed).
  void publish();
  /// Removes a staged file; later rejects are only counted. Does nothing to any other file.
  void discard();
  const std::string& path() const { return options_.path; }

  /// Throws Error(bad_record) under OnError::fail and when the budget is spent.
  void add(const Reject& reject) override;
  /// Throws Error(failed) when the file cannot be written.
  void settle(std::uint64_t end) override;
  /// The same, and makes the file durable. Returns how far it has come.
  RejectMark mark(std::uint64_t end);
  /// The input has ended after `records` records, good and bad: writes everything, durably. Throws
  /// Error(bad_record) when none of them could be used, or when the budget is spent.
  void finish(std::uint64_t records);

  std::uint64_t count() const;
  /// "file:line: reason" of the first rejects, in input order.
  std::vector<std::string> examples() const;

 private:
  std::string file_name(std::uint32_t file) const;
  /// Rejects that differ only in figures and names.
  struct Reason {
    std::uint64_t count = 0;
    std::string example;  ///< "file:line: reason" of the first
  };

  std::string line_of(const Reject& reject) EMBEDTOOL_REQUIRES(mutex_);
  void remember(const Reject& reject) EMBEDTOOL_REQUIRES(mutex_);
  void count_reason(const Reject& reject) EMBEDTOOL_REQUIRES(mutex_);
  std::string explain() const EMBEDTOOL_REQUIRES(mutex_);
  void check_budget(std::uint64_t records) const EMBEDTOOL_REQUIRES(mutex_);
  void open_file() EMBEDTOOL_REQUIRES(mutex_);
  void settle_locked(std::uint64_t end) EMBEDTOOL_REQUIRES(mutex_);
  void sync_locked() EMBEDTOOL_REQUIRES(mutex_);
  [[noreturn]] void fail(const char* doing, int error) const EMBEDTOOL_REQUIRES(mutex_);

  const RejectOptions options_;
  mutable Mutex mutex_;
  /// Where lines go now; empty: nowhere.
  std::string path_ EMBEDTOOL_GUARDED_BY(mutex_);
  std::map<std::string, Reason, std::less<>> reasons_ EMBEDTOOL_GUARDED_BY(mutex_);
  /// Records up to the last reject.
  std::uint64_t seen_ EMBEDTOOL_GUARDED_BY(mutex_) = 0;
  std::uint64_t count_ EMBEDTOOL_GUARDED_BY(mutex_) = 0;
  /// Of them, those that count against the budget.
  std::uint64_t bad_ EMBEDTOOL_GUARDED_BY(mutex_) = 0;
  /// Rejects before this position are in the file already.
  std::uint64_t known_ EMBEDTOOL_GUARDED_BY(mutex_) = 0;
  /// No reject before this position will come.
  std::uint64_t settled_ EMBEDTOOL_GUARDED_BY(mutex_) = 0;
  /// Of the file.
  std::uint64_t bytes_ EMBEDTOOL_GUARDED_BY(mutex_) = 0;
  /// Written to since the last fsync.
  bool dirty_ EMBEDTOOL_GUARDED_BY(mutex_) = false;
  /// Position → line.
  std::multimap<std::uint64_t, std::string> held_ EMBEDTOOL_GUARDED_BY(mutex_);
  /// Position → description.
  std::multimap<std::uint64_t, std::string> examples_ EMBEDTOOL_GUARDED_BY(mutex_);
  UniqueFd fd_ EMBEDTOOL_GUARDED_BY(mutex_);
  std::string scratch_ EMBEDTOOL_GUARDED_BY(mutex_);
};

}  // namespace embedtool
