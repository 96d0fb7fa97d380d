#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/ports.hpp"
#include "formats/corpus/corpus.hpp"
#include "formats/output/manifest.hpp"
#include "formats/output/rejects.hpp"
#include "formats/output/run_dir.hpp"

namespace embedtool {

/// Where vectors go and as what. As typed.
struct OutputFlags {
  std::string output;
  std::string to;
  std::string dtype = "f32";
  std::uint64_t shard_rows = 0;  ///< 0 = the default
  std::string row_group;         ///< a size; empty = the default
  bool overwrite = false;
};
void declare_output(CLI::App& app, OutputFlags& flags);

/// The flags, checked against each other.
struct OutputPlan {
  std::string path;    ///< the output directory; empty = standard output
  std::string format;  ///< "parquet", "npy" or "jsonl"
  OutputType type = OutputType::f32;
  std::uint64_t shard_rows = 0;       ///< 0 where the format has no shards
  std::uint64_t row_group_bytes = 0;  ///< wait in memory for a row group's end; 0 likewise
  bool overwrite = false;

  bool to_stdout() const { return path.empty(); }
  /// Where bad records are noted unless told otherwise; empty on standard output.
  std::string rejects_path() const { return to_stdout() ? "" : path + "/rejects.jsonl"; }
};
/// Throws Error(usage).
OutputPlan resolve_output(const OutputFlags& flags);

/// The output of one run: a locked directory, or standard output.
class EncodeOutput {
 public:
  /// Takes the directory, or finds in it what an earlier run of the same command has left.
  /// `manifest` says what is known before the first row. Throws Error(usage) when the directory may
  /// not be used or holds an output of another command, Error(output_busy) when another run holds
  /// it.
  EncodeOutput(const OutputPlan& plan, Manifest manifest);
  ~EncodeOutput();
  EncodeOutput(const EncodeOutput&) = delete;
  EncodeOutput& operator=(const EncodeOutput&) = delete;

  /// The rows of the complete output that the same command made before, of the same inputs; else
  /// none. Reads inputs whose time has changed, and pipes, to compare them; `stop` ends that.
  std::optional<std::uint64_t> up_to_date(const std::atomic<bool>& stop) const;

  /// Shards and rows that an earlier run has left.
  std::size_t resumed_shards() const { return resumed_shards_; }
  std::uint64_t resumed_rows() const { return resumed_rows_; }
  /// Lets source and rejects go on where that run was.
  void resume(CorpusSource& source, RejectLog& rejects) const;

  /// Prepares for rows. Until the first one comes, a complete output that they are to replace stays
  /// as it is. `rejects` must outlive this.
  void open(const OutputSpec& spec, RejectLog& rejects);
  EmbeddingSink& sink();
  /// Makes a finished run an output, which may be one without rows: publishes the report, then the
  /// manifest.
  void complete(std::span<const InputDigest> inputs, const std::string& report);
  /// What is safe of a run that did not finish, as a sentence; empty where there is nothing.
  std::string progress_kept() const;

 private:
  class FirstRowSink;
  std::unique_ptr<EmbeddingSink> begin();

  OutputPlan plan_;
  Manifest manifest_;
  RejectLog* rejects_ = nullptr;  ///< from open() on
  std::unique_ptr<RunDirectory> directory_;
  std::unique_ptr<FirstRowSink> sink_;
  std::size_t resumed_shards_ = 0;
  std::uint64_t resumed_rows_ = 0;
};

}  // namespace embedtool
