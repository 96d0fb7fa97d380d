#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/io/durable_file.hpp"
#include "formats/output/manifest.hpp"
#include "formats/output/run_identity.hpp"
#include "formats/output/shard_ledger.hpp"

namespace embedtool {

/// Whether a run leaves a file or folder of that name behind only while it is not complete: it does
/// not make a directory non-empty.
bool is_scratch(std::string_view name);

/// What to do when the directory already holds an output of ours.
enum class ExistingOutput : std::uint8_t {
  refuse,     ///< complete or not
  overwrite,  ///< start anew; a complete output stays until begin()
  resume,     ///< go on with an incomplete one of the same identity; leave a complete one
};

/// The output directory of one run, held under a lock that the run's death releases.
///
/// Order of durability: journal header; then for each shard the file, its journal line; at the
/// end the manifest; then the journal goes. With a manifest an output is complete; with a journal
/// alone it is on its way; with neither, a non-empty directory is not ours and is refused.
/// Overwriting a complete output waits for begin(), so that a run that has nothing to write leaves
/// it alone; then it first puts a new journal, then removes the manifest, then the rest, so that no
/// instant shows a mix. Names that are not ours are never touched.
///
/// A run first looks at what is there, then claims the directory: what lies between the two
/// (loading a model) changes nothing in it, and if it fails, a directory that was made for it goes
/// again.
///
/// Not thread-safe: calls come from one thread at a time.
class RunDirectory final : public ShardLedger {
 public:
  /// Makes the directory where it is missing, and locks it. Throws Error(output_busy) while another
  /// run holds it, Error(usage) for a directory that may not be used, with advice.
  explicit RunDirectory(const std::string& path, ExistingOutput existing = ExistingOutput::refuse,
                        FileOps& ops = system_file_ops());
  ~RunDirectory() override;
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  /// Whether the lock is held; where the file system has none, nothing keeps other runs away.
  bool locked() const { return locked_; }
  const Directory& directory() const override { return directory_; }
  /// The complete output that was found under ExistingOutput::resume: there is nothing to write.
  const std::optional<Manifest>& complete() const { return complete_; }
  /// The unfinished output that was found there, until claim().
  const std::optional<Journal>& unfinished() const { return unfinished_; }
  /// Throws Error(usage) where claim() will refuse to continue what was found. Changes nothing.
  void check(const RunIdentity& identity) const;
  /// Makes the directory this run's: continues what the same run has left, or starts anew. Not for
  /// a complete() output. A run with other settings that has left no shard is replaced. Throws as
  /// check().
  void claim(const RunIdentity& identity);

  /// Shards published so far; after claim(), those of the run that is resumed.
  const std::vector<ShardEntry>& completed_shards() const override { return shards_; }
  std::uint64_t completed_rows() const override { return rows_; }
  std::string next_shard_name() const override { return shard_name(shards_.size()); }

  /// Whether a complete output is still here that begin() will remove.
  bool replaces() const { return replaced_.has_value(); }
  /// Call after claim() and before the first file is published: from here on the output is this
  /// run's. Does nothing a second time.
  void begin();

  /// Records a shard whose file has been published. Durable on return.
  void commit_shard(const ShardEntry& shard) override;
  /// From then on, `told` is called with each of them.
  void on_shard(std::function<void(const ShardEntry&)> told) { told_ = std::move(told); }
  /// Records another published file of the output.
  void commit_file(const FileEntry& file);
  /// How many rows an output without shards has.
  void set_rows(std::uint64_t rows) { rows_ = rows; }
  /// Publishes and records a small file (report.json).
  void publish_file(const std::string& name, std::string_view contents);

  /// Publishes the manifest, which completes the output: `manifest` with shards, files and rows
  /// filled in here. Files of ours that were written past this class
  /// (rejects.jsonl) are made durable and recorded too. Removes the journal.
  void finish(Manifest manifest);

 private:
  void take_lock();
  void check_usable(bool locked) const;
  void find_unfinished();
  void start_anew(const RunIdentity& identity);
  void resume();
  void find_complete();
  void drop_lost_shards(Journal& journal) const;
  void clear_all_but(const std::vector<ShardEntry>& shards, OutputFormat to) const;
  void record_stray_files();

  const bool made_;  ///< the directory was not there before
  bool claimed_ = false;
  const ExistingOutput existing_;
  Directory directory_;
  UniqueFd lock_;
  bool locked_ = false;
  UniqueFd journal_;
  std::vector<ShardEntry> shards_;
  std::function<void(const ShardEntry&)> told_;
  std::vector<FileEntry> files_;
  std::uint64_t rows_ = 0;
  std::optional<Manifest> complete_;
  std::optional<Journal> unfinished_;
  bool replaceable_ = false;             ///< there is a complete output that is to be overwritten
  std::optional<RunIdentity> replaced_;  ///< this run's identity, while begin() is to come
};

}  // namespace embedtool
