#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/ports.hpp"
#include "formats/corpus/corpus.hpp"
#include "formats/corpus/input_list.hpp"
#include "formats/output/manifest.hpp"
#include "formats/output/rejects.hpp"
#include "formats/output/run_dir.hpp"
#include "formats/output/run_identity.hpp"

namespace embedtool {

/// Where vectors go.
struct OutputPlan {
  std::string path;        ///< the output directory; empty = standard output
  bool overwrite = false;  ///< replace what is there instead of continuing it

  bool to_stdout() const { return path.empty(); }
  /// Where bad records are noted the default; empty on standard output.
  std::string rejects_path() const { return to_stdout() ? "" : path + "/rejects.jsonl"; }
};

/// A complete output that is what a command asks for.
struct UpToDate {
  std::uint64_t rows = 0;
  std::string other_cut;  ///< how it is cut otherwise than asked for; see other_cut()
};

/// The output of one run: a locked directory, or standard output. First it is compared with the
/// run, which takes the model's identity and none of its weights; then it is opened for rows. Not
/// thread-safe.
class RunOutput {
 public:
  /// Takes the directory's lock and looks at what is there. `stop` turns true when the run is to
  /// end. It and `rejects`, the log of the same run, must outlive this. Throws Error(output_busy)
  /// when another run holds the directory, Error(usage) when it may not be used.
  RunOutput(const OutputPlan& plan, RejectLog& rejects, const std::atomic<bool>& stop);
  ~RunOutput();
  RunOutput(const RunOutput&) = delete;
  RunOutput& operator=(const RunOutput&) = delete;

  /// The run, finished or not, whose output is there; null where there is none to compare with.
  const RunIdentity* before() const;
  /// Whether there is nothing to do. Reads inputs whose time has changed, and pipes, to compare
  /// them. Throws Error(usage), with the difference and the remedy, where the output that is there
  /// is of another run.
  /// `inputs` are those of `now`.
  std::optional<UpToDate> compare(const RunIdentity& now, const InputList& inputs) const;

  /// Prepares for the rows of this run, or the rest of them. Until the first one comes, a complete
  /// output that they are to replace stays as it is. Throws as compare().
  void open(const RunIdentity& identity, const OutputSpec& spec);
  /// Shards and rows that an earlier run has left; after open().
  std::size_t resumed_shards() const { return resumed_shards_; }
  std::uint64_t resumed_rows() const { return resumed_rows_; }
  /// Lets the source and the rejects continue where that run was.
  void resume(CorpusSource& source) const;

  EmbeddingSink& sink();
  /// What is published so far, as a manifest would list it. For the thread that writes to sink(),
  /// or when all rows are written; not on standard output.
  Manifest published() const;
  std::uint64_t published_rows() const { return directory_->completed_rows(); }
  std::size_t published_shards() const { return directory_->completed_shards().size(); }
  const Directory& directory() const { return directory_->directory(); }
  /// Makes a finished run an output, which may be one without rows: publishes the report, then the
  /// manifest.
  void complete(std::span<const InputDigest> inputs, const std::string& report);
  /// What is safe of a run that did not finish, as a sentence; empty where there is nothing.
  std::string progress_kept() const;

 private:
  class FirstRowSink;
  std::unique_ptr<EmbeddingSink> begin();

  OutputPlan plan_;
  RejectLog& rejects_;
  const std::atomic<bool>& stop_;
  RunIdentity identity_;  ///< from open() on, as `spec_` and `sink_`
  OutputSpec spec_;
  std::unique_ptr<RunDirectory> directory_;
  std::unique_ptr<FirstRowSink> sink_;
  std::size_t resumed_shards_ = 0;
  std::uint64_t resumed_rows_ = 0;
};

}  // namespace embedtool
