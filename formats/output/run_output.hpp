#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/ports.hpp"
#include "formats/corpus/corpus.hpp"
#include "formats/corpus/input_list.hpp"
#include "formats/output/encode_output.hpp"
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

/// The output of one run: a locked directory, or standard output. Not thread-safe.
class RunOutput final : public EncodeOutput {
 public:
  /// Takes the directory's lock and looks at what is there. `stop` turns true when the run is to
  /// end. It and `rejects`, the log of the same run, must outlive this. Throws Error(output_busy)
  /// when another run holds the directory, Error(usage) when it may not be used.
  RunOutput(const OutputPlan& plan, RejectLog& rejects, const std::atomic<bool>& stop);
  ~RunOutput() override;

  const RunIdentity* before() const override;
  /// Reads inputs whose time has changed, and pipes, to compare them.
  std::optional<std::string> compare(const RunIdentity& now, const InputList& inputs) override;
  /// Until the first row comes, a complete output that the rows are to replace stays as it is.
  void open(const RunIdentity& identity, const OutputSpec& spec) override;
  /// `told` is called with each shard that is published, from the thread that writes to sink().
  void on_shard(std::function<void(const ShardEntry&)> told) {
    if (directory_ != nullptr) directory_->on_shard(std::move(told));
  }
  std::size_t resumed_shards() const override { return resumed_shards_; }
  std::uint64_t resumed_rows() const override { return resumed_rows_; }
  void resume(CorpusSource& source) override;

  EmbeddingSink& sink() override;
  RejectSink& rejects() override { return rejects_; }
  void end_rejects(std::uint64_t records) override { rejects_.finish(records); }
  /// Publishes the report, then the manifest.
  void complete(const CorpusSource& source, const std::string& report) override;
  std::string progress_kept() const override;

  RunOutput* whole() override { return this; }
  /// What is published so far, as a manifest would list it. For the thread that writes to sink(),
  /// or when all rows are written; not on standard output.
  Manifest published() const;
  std::uint64_t published_rows() const { return directory_->completed_rows(); }
  std::size_t published_shards() const { return directory_->completed_shards().size(); }
  const Directory& directory() const { return directory_->directory(); }
  /// Whether the directory is locked: not on file systems without locks.
  bool locked() const { return directory_ == nullptr || directory_->locked(); }

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

/// The inputs of a run, as far as they are known before they are read.
std::vector<InputEntry> entries_of(const InputList& files);

/// What a run would find where it is to write.
struct OutputOutlook {
  std::string text;      ///< a clause: "does not exist yet"
  bool refused = false;  ///< the run would end with that, with status 2
};
/// Looks without changing anything; neither locks nor waits. Reads inputs whose time has changed.
OutputOutlook look_at_output(const OutputPlan& plan, const RunIdentity& now,
                             const InputList& inputs, const std::atomic<bool>& stop);

}  // namespace embedtool
