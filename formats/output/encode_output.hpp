#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "core/ports.hpp"
#include "formats/corpus/corpus.hpp"
#include "formats/corpus/input_list.hpp"
#include "formats/output/run_identity.hpp"

namespace embedtool {

class RunOutput;
class UnitOutput;

/// What encode writes to: a whole output, or the units of one that several processes make. First it
/// is compared with the run, which takes the model's identity and none of its weights; then it is
/// opened for rows. Calls come in the order of the members, from one thread at a time; what sink()
/// and rejects() return is called as their ports say.
class EncodeOutput {
 public:
  EncodeOutput() = default;
  virtual ~EncodeOutput() = default;
  EncodeOutput(const EncodeOutput&) = delete;
  EncodeOutput& operator=(const EncodeOutput&) = delete;

  /// The run, finished or not, whose output is there; null where there is none to compare with.
  virtual const RunIdentity* before() const = 0;
  /// What to say if there is nothing to do. Throws Error(usage), with the difference and the
  /// remedy, where the output that is there is of another run. `inputs` are those of `now`.
  virtual std::optional<std::string> compare(const RunIdentity& now, const InputList& inputs) = 0;
  /// Says which part of the corpus is to be read, if not all of it.
  virtual void choose(CorpusOptions& /*corpus*/) {}
  /// Prepares for the rows of this run, or the rest of them. Throws as compare().
  virtual void open(const RunIdentity& identity, const OutputSpec& spec) = 0;
  /// Lets the source and the rejects continue where an earlier run was.
  virtual void resume(CorpusSource& /*source*/) {}
  /// Shards and rows that an earlier run has left.
  virtual std::size_t resumed_shards() const { return 0; }
  virtual std::uint64_t resumed_rows() const { return 0; }

  /// This, if it is a whole output; null for a part of one.
  virtual RunOutput* whole() { return nullptr; }
  /// This, if it is a part of one; else null.
  virtual UnitOutput* part() { return nullptr; }

  virtual EmbeddingSink& sink() = 0;
  virtual RejectSink& rejects() = 0;
  /// The corpus has ended after `records` records, good and bad.
  virtual void end_rejects(std::uint64_t /*records*/) {}
  /// Makes a finished run an output, which may be one without rows.
  virtual void complete(const CorpusSource& source, const std::string& report) = 0;
  /// What is safe of a run that did not finish, as a sentence; empty where there is nothing.
  virtual std::string progress_kept() const = 0;
  /// Whether others have completed the output meanwhile, so that a failure of this run costs
  /// nothing.
  virtual bool overtaken() const { return false; }
};

}  // namespace embedtool
