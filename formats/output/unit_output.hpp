#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/mutex.hpp"
#include "formats/corpus/corpus_units.hpp"
#include "formats/io/durable_file.hpp"
#include "formats/output/encode_output.hpp"
#include "formats/output/part_choice.hpp"
#include "formats/output/rejects.hpp"
#include "formats/output/run_output.hpp"
#include "formats/output/unit_files.hpp"

namespace embedtool {

/// What a process is told of the job that it belongs to.
struct UnitOutputOptions {
  OutputPlan plan;
  PartChoice choice;
  std::function<void(const std::string&)> note;  ///< takes a sentence
  std::function<void(const std::string&)> warn;  ///< likewise
};

/// Units of an output that several processes make, in one directory or in several, for merge to
/// join. Nothing depends on locks, nor on how many processes there are: a unit has the same bytes
/// under the same names whoever encodes it, and its record, which is published last, completes it.
/// Units that are complete are passed over.
///
/// The windows of a run may hold records of several units: the writer parts the rows by the
/// positions at which the reader says that units end.
class UnitOutput final : public EncodeOutput {
 public:
  /// `corpus` names the files; `rejects` counts what all units of this run reject and has no file.
  /// Both must outlive this. Throws Error(usage) for a directory that may not be used.
  UnitOutput(UnitOutputOptions options, const CorpusOptions& corpus, RejectLog& rejects);
  ~UnitOutput() override;

  const RunIdentity* before() const override;
  std::optional<std::string> compare(const RunIdentity& now, const InputList& inputs) override;
  void choose(CorpusOptions& corpus) override;
  void open(const RunIdentity& identity, const OutputSpec& spec) override;
  EmbeddingSink& sink() override;
  RejectSink& rejects() override;
  void complete(const CorpusSource& source, const std::string& report) override;
  std::string progress_kept() const override;
  bool overtaken() const override;
  UnitOutput* part() override { return this; }

  /// The directory of the job; null before the first process has written to it.
  const Directory* directory() const { return directory_ ? &*directory_ : nullptr; }
  /// Units that this run encodes, ascending.
  const std::vector<std::size_t>& units() const { return units_; }
  /// How many of the first of them are complete, and whether the next has rows. For the thread that
  /// writes to sink().
  std::size_t closed_units() const { return closed_; }
  bool has_open_unit() const { return open_ != nullptr; }

 private:
  class Sink;
  class Rejects;
  struct OpenUnit;

  void find_plan();
  void refuse_other_output(const RunIdentity& now) const;
  void choose_parts();
  bool is_done(std::size_t unit) const;
  void warn_of_uncut() const;
  void publish_plan();
  void begin();

  // The writer's.
  void write(const EmbeddingBlock& block);
  void close_before(std::uint64_t position);
  void close_unit(const UnitEnd& end);
  void set_runner(JobRunner* runner);
  OpenUnit& open_unit();
  void publish_rejects(UnitRecord& record);
  void add_inputs(const UnitEnd& end, UnitRecord& record) const;
  // Of any thread.
  void end_unit(const UnitEnd& end);
  void add_reject(const Reject& reject);
  void count_reject(const Reject& reject, const CorpusUnit& unit);
  void settle_rejects(std::uint64_t end);
  std::optional<UnitEnd> end_of(std::size_t index) const;

  const UnitOutputOptions options_;
  const CorpusOptions& corpus_;
  RejectLog& rejects_;
  std::optional<Directory> directory_;
  std::optional<UnitPlan> found_;  ///< the job's plan that is there already
  UnitPlan plan_;                  ///< this run's
  std::vector<UncutFile> uncut_;
  std::vector<std::size_t> units_;  ///< to be encoded, ascending
  std::size_t done_before_ = 0;     ///< of this run's part
  std::vector<UnitInput> inputs_;   ///< by file, of the units to be encoded
  OutputSpec spec_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<Rejects> reject_sink_;

  mutable Mutex mutex_;
  /// Of units_, as far as they have been read.
  std::vector<UnitEnd> ends_ EMBEDTOOL_GUARDED_BY(mutex_);
  /// By index into units_; of units that are not closed.
  std::map<std::size_t, std::unique_ptr<RejectLog>> unit_rejects_ EMBEDTOOL_GUARDED_BY(mutex_);

  // The writer's.
  bool begun_ = false;
  std::size_t closed_ = 0;            ///< of units_
  std::uint64_t begin_position_ = 0;  ///< of the unit at hand
  std::uint64_t begin_ns_ = 0;        ///< likewise
  JobRunner* runner_ = nullptr;       ///< of the units' sinks
  std::unique_ptr<OpenUnit> open_;
  std::uint64_t rows_ = 0;  ///< of closed units
  std::atomic<std::uint64_t> bytes_written_{0};
  std::atomic<std::uint64_t> bytes_raw_{0};
};

}  // namespace embedtool
