#include "formats/output/run_output.hpp"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "core/base/error.hpp"
#include "core/base/human.hpp"
#include "formats/output/row_journal.hpp"
#include "formats/output/shard_sinks.hpp"
#include "formats/parquet/parquet_schema.hpp"

namespace embedtool {
namespace {

/// Whether an input seems to be what it was, as far as sizes and times tell.
bool looks_unchanged(const InputEntry& before, const InputEntry& now) {
  if (now.files > 0) return now.listing == before.listing;
  return now.modified_ns && now.modified_ns == before.modified_ns;
}

/// What keeps a complete output from being what the run asks for; empty where nothing does.
std::string change_since(const Manifest& before, const RunIdentity& now, const InputList& inputs,
                         const std::atomic<bool>& stop) {
  std::string change = first_difference(before.identity, now, Comparison::up_to_date);
  if (!change.empty()) return change;
  if (!before.foreign_settings.empty()) {
    return fmt::format("another version of embedtool set {} to '{}'",
                       before.foreign_settings.front().first,
                       before.foreign_settings.front().second);
  }
  for (std::size_t i = 0; i < now.inputs.size(); ++i) {
    const InputEntry& entry = before.identity.inputs[i];
    if (looks_unchanged(entry, now.inputs[i])) continue;
    if (entry.hash.empty()) {
      return fmt::format("input {} was modified since, and only a part of it had been read",
                         now.inputs[i].name);
    }
    if (inputs.read_hash(i, stop) == entry.hash) continue;
    return fmt::format("the contents of input {} have changed", now.inputs[i].name);
  }
  return {};
}

}  // namespace

/// Opens the output at its first row, so that a run without one leaves nothing behind.
class RunOutput::FirstRowSink final : public EmbeddingSink {
 public:
  explicit FirstRowSink(RunOutput& output) : output_(output) {}

  void set_runner(JobRunner* runner) override {
    runner_ = runner;
    if (sink_ != nullptr) sink_->set_runner(runner);
  }
  void write(const EmbeddingBlock& block) override {
    open();
    sink_->write(block);
  }
  /// Without rows, whether there is to be an output is for RunOutput::complete() to say.
  void finish() override {
    if (sink_ != nullptr) sink_->finish();
  }
  void finish_without_rows() {
    if (sink_ != nullptr) return;
    open();
    sink_->finish();
  }
  std::uint64_t bytes_written() const override { return opened_ ? sink_->bytes_written() : 0; }
  std::uint64_t bytes_raw() const override { return opened_ ? sink_->bytes_raw() : 0; }

 private:
  void open() {
    if (sink_ != nullptr) return;
    sink_ = output_.begin();
    sink_->set_runner(runner_);
    opened_ = true;
  }

  RunOutput& output_;
  JobRunner* runner_ = nullptr;
  std::unique_ptr<EmbeddingSink> sink_;
  std::atomic<bool> opened_{false};  ///< bytes_written() may be asked from another thread
};

RunOutput::RunOutput(const OutputPlan& plan, RejectLog& rejects, const std::atomic<bool>& stop)
    : plan_(plan), rejects_(rejects), stop_(stop) {
  if (plan_.to_stdout()) return;
  directory_ = std::make_unique<RunDirectory>(
      plan_.path, plan_.overwrite ? ExistingOutput::overwrite : ExistingOutput::resume);
}

RunOutput::~RunOutput() {
  if (directory_ != nullptr && directory_->replaces()) rejects_.discard();
}

const RunIdentity* RunOutput::before() const {
  if (directory_ == nullptr) return nullptr;
  if (directory_->complete()) return &directory_->complete()->identity;
  const auto& unfinished = directory_->unfinished();
  return unfinished && unfinished->identity ? &*unfinished->identity : nullptr;
}

std::optional<std::string> RunOutput::compare(const RunIdentity& now, const InputList& inputs) {
  if (directory_ == nullptr) return std::nullopt;
  directory_->check(now);
  if (!directory_->complete()) return std::nullopt;
  const Manifest& before = *directory_->complete();
  const std::string change = change_since(before, now, inputs, stop_);
  if (change.empty()) {
    const std::string cut = other_cut(before.identity, now);
    return fmt::format("{}: up to date with {}; nothing to do (--overwrite encodes again){}",
                       plan_.path, human_count(before.rows, "row"),
                       cut.empty() ? "" : fmt::format("; {}", cut));
  }
  throw Error(ExitCode::usage,
              "{}: holds a complete output of another run: {}; add --overwrite to replace it, or "
              "choose another directory",
              plan_.path, change);
}

void RunOutput::open(const RunIdentity& identity, const OutputSpec& spec) {
  parquet::check_spec(spec);
  identity_ = identity;
  spec_ = spec;
  sink_ = std::make_unique<FirstRowSink>(*this);
  if (directory_ == nullptr) return;
  directory_->claim(identity_);
  resumed_shards_ = directory_->completed_shards().size();
  resumed_rows_ = directory_->completed_rows();
  if (directory_->replaces() && rejects_.path() == plan_.rejects_path()) {
    rejects_.stage(fmt::format("{}/{}", plan_.path, kStagedRejectsName));
  }
}

void RunOutput::resume(CorpusSource& source) {
  if (resumed_rows_ == 0) return;
  const ShardEntry& last = directory_->completed_shards().back();
  ResumePoint point;
  point.witnesses = last.last_record + 1;
  point.prefix = last.prefix;
  point.skip = last.last_record_rows == 0 ? last.last_record + 1 : last.last_record;
  source.resume(point);
  rejects_.resume(last.rejects);
}

EmbeddingSink& RunOutput::sink() {
  return *sink_;
}

/// Takes the output's place, from the output that was there before if need be.
std::unique_ptr<EmbeddingSink> RunOutput::begin() {
  if (plan_.to_stdout()) {
    const bool lines = identity_.to == OutputFormat::jsonl;
    return (lines ? open_jsonl_stream : open_arrow_stream)(STDOUT_FILENO, "standard output", spec_,
                                                           &stop_);
  }
  directory_->begin();
  rejects_.publish();
  if (identity_.to == OutputFormat::npy) return open_npy_sink(*directory_, spec_);
  if (identity_.to == OutputFormat::jsonl) return open_jsonl_sink(*directory_, spec_);
  if (identity_.to == OutputFormat::arrow) return open_arrow_sink(*directory_, spec_);
  ShardOptions shards;
  shards.rows_per_shard = identity_.shard_rows;
  shards.parquet = parquet_options(identity_);
  shards.settle_rejects = [this](std::uint64_t end) { return rejects_.mark(end); };
  return open_parquet_sink(*directory_, spec_, shards);
}

Manifest RunOutput::published() const {
  Manifest manifest;
  manifest.identity = identity_;
  manifest.shards = directory_->completed_shards();
  manifest.rows = directory_->completed_rows();
  return manifest;
}

void RunOutput::complete(const CorpusSource& source, const std::string& report) {
  sink_->finish_without_rows();
  if (directory_ == nullptr) return;
  Manifest manifest;
  manifest.identity = identity_;
  std::vector<InputEntry>& entries = manifest.identity.inputs;
  const std::span<const InputDigest> inputs = source.digests();
  for (std::size_t i = 0; i < inputs.size() && i < entries.size(); ++i) {
    entries[i].bytes = inputs[i].bytes;
    entries[i].hash = inputs[i].hash.hex();
  }
  directory_->publish_file(std::string(kReportName), report);
  directory_->finish(std::move(manifest));
}

std::string RunOutput::progress_kept() const {
  if (directory_ == nullptr || sink_ == nullptr) return "";
  if (directory_->replaces()) {
    const bool lost = rejects_.path() == plan_.rejects_path() && rejects_.count() > 0;
    return fmt::format("the existing output is untouched{}",
                       lost ? "; use --rejects FILE to keep the rejects of this run" : "");
  }
  const std::size_t shards = directory_->completed_shards().size();
  if (shards == 0) {
    return has_journaled_rows(directory())
               ? "encoded rows are kept; run the same command to resume"
               : "no shard is complete yet; the same command starts over";
  }
  return fmt::format("saved so far: {} in {}; run the same command to resume",
                     human_count(directory_->completed_rows(), "row"),
                     human_count(shards, "shard"));
}

namespace {

OutputOutlook outlook_on_complete(const OutputPlan& plan, const Manifest& before,
                                  const RunIdentity& now, const InputList& inputs,
                                  const std::atomic<bool>& stop) {
  if (plan.overwrite) {
    return {fmt::format("holds a complete output with {}, which would be replaced",
                        human_count(before.rows, "row"))};
  }
  const std::string change = change_since(before, now, inputs, stop);
  if (change.empty()) {
    return {fmt::format("is up to date with {}; there is nothing to do (--overwrite encodes again)",
                        human_count(before.rows, "row"))};
  }
  return {
      fmt::format("holds a complete output of another run: {}; --overwrite replaces it", change),
      true};
}

/// `has_kept_rows`: rows of an unfinished shard wait in kRowsFolder.
OutputOutlook outlook_on_unfinished(const OutputPlan& plan, const Journal& journal,
                                    bool has_kept_rows, const RunIdentity& now) {
  std::uint64_t rows = 0;
  for (const ShardEntry& shard : journal.shards) rows += shard.rows;
  if (plan.overwrite || (rows == 0 && !has_kept_rows)) {
    return {"holds an unfinished output, which would be replaced"};
  }
  const std::string change = journal.identity
                                 ? first_difference(*journal.identity, now, Comparison::resume)
                                 : "another version of embedtool began it";
  if (!change.empty()) {
    return {fmt::format("holds an unfinished output of another run: {}; --overwrite replaces it",
                        change),
            true};
  }
  if (rows == 0) return {"is unfinished; the run would resume with the rows it has kept"};
  return {fmt::format("is unfinished; the run would resume after {}", human_count(rows, "row"))};
}

}  // namespace

std::vector<InputEntry> entries_of(const InputList& files) {
  std::vector<InputEntry> entries;
  for (const InputGroup& group : files.groups()) {
    entries.push_back({group.name, group.bytes, group.modified_ns, "", group.many ? group.files : 0,
                       group.listing});
  }
  return entries;
}

OutputOutlook look_at_output(const OutputPlan& plan, const RunIdentity& now,
                             const InputList& inputs, const std::atomic<bool>& stop) {
  struct stat info {};
  if (::stat(plan.path.c_str(), &info) != 0) return {"does not exist yet"};
  if (!S_ISDIR(info.st_mode)) return {"is a file; -o needs a directory", true};
  const Directory directory(plan.path, false);
  if (const auto text = directory.read(kManifestName, kMaxManifestBytes);
      text && looks_like_manifest(*text)) {
    const Manifest before = parse_manifest(*text, directory.path_of(kManifestName));
    return outlook_on_complete(plan, before, now, inputs, stop);
  }
  if (const auto text = directory.read(kJournalName, kMaxManifestBytes)) {
    return outlook_on_unfinished(plan, parse_journal(*text).value_or(Journal()),
                                 !directory.list(kRowsFolder).empty(), now);
  }
  for (const std::string& name : directory.list()) {
    if (is_scratch(name)) continue;
    return {fmt::format("is not empty and was not written by embedtool (contains e.g. '{}')", name),
            true};
  }
  return {"is an empty directory"};
}

}  // namespace embedtool
