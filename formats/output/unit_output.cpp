#include "formats/output/unit_output.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/human.hpp"
#include "core/base/profile.hpp"
#include "formats/corpus/input_list.hpp"
#include "formats/io/bytes.hpp"
#include "formats/output/row_journal.hpp"
#include "formats/output/shard_ledger.hpp"
#include "formats/output/shard_reader.hpp"
#include "formats/output/shard_sinks.hpp"
#include "formats/parquet/parquet_schema.hpp"

namespace embedtool {
namespace {

bool exists(const std::string& path) {
  std::error_code failed;
  return std::filesystem::exists(path, failed);
}

UnitInput look_at(const InputList& files, std::size_t file) {
  const InputFacts facts = inspect_input(files.path(file));
  UnitInput input;
  input.name = files.name(file);
  input.bytes = facts.size;
  input.modified_ns = facts.modified_ns;
  return input;
}

/// Rows `from` … `to` - 1 of a block.
EmbeddingBlock rows_of(const EmbeddingBlock& block, const OutputSpec& spec, std::size_t from,
                       std::size_t to) {
  EmbeddingBlock part = block;
  part.rows = block.rows.subspan(from, to - from);
  if (spec.ragged()) {
    part.offsets = block.offsets.subspan(from, to - from + 1);
  } else {
    part.vectors =
        block.vectors.subspan(from * spec.vector_bytes(), (to - from) * spec.vector_bytes());
  }
  return part;
}

/// The shards of one unit.
class UnitLedger final : public ShardLedger {
 public:
  UnitLedger(const Directory& directory, std::size_t unit) : directory_(directory), unit_(unit) {}

  const Directory& directory() const override { return directory_; }
  const std::vector<ShardEntry>& completed_shards() const override { return shards_; }
  std::uint64_t completed_rows() const override { return rows_; }
  std::string next_shard_name() const override { return unit_shard_name(unit_, shards_.size()); }
  void commit_shard(const ShardEntry& shard) override {
    constexpr std::size_t kMost = 100000;  // names have five digits
    if (shards_.size() + 1 >= kMost) {
      throw Error(ExitCode::failed,
                  "{}: unit {} has more than {} shards; write larger ones (--shard-rows)",
                  directory_.path(), unit_, kMost);
    }
    shards_.push_back(shard);
    rows_ += shard.rows;
  }

 private:
  const Directory& directory_;
  const std::size_t unit_;
  std::vector<ShardEntry> shards_;
  std::uint64_t rows_ = 0;
};

}  // namespace

/// The unit whose rows are being written.
struct UnitOutput::OpenUnit {
  UnitLedger ledger;
  std::unique_ptr<EmbeddingSink> sink;
  std::uint64_t tokens = 0;
  std::uint64_t truncated = 0;
};

class UnitOutput::Sink final : public EmbeddingSink {
 public:
  explicit Sink(UnitOutput& output) : output_(output) {}
  void set_runner(JobRunner* runner) override { output_.set_runner(runner); }
  void write(const EmbeddingBlock& block) override { output_.write(block); }
  void finish() override { output_.close_before(UINT64_MAX); }
  std::uint64_t bytes_written() const override { return output_.bytes_written_; }
  std::uint64_t bytes_raw() const override { return output_.bytes_raw_; }

 private:
  UnitOutput& output_;
};

class UnitOutput::Rejects final : public RejectSink {
 public:
  explicit Rejects(UnitOutput& output) : output_(output) {}
  void add(const Reject& reject) override { output_.add_reject(reject); }
  void settle(std::uint64_t end) override {
    output_.settle_rejects(end);
    output_.close_before(end);
  }

 private:
  UnitOutput& output_;
};

UnitOutput::UnitOutput(UnitOutputOptions options, const CorpusOptions& corpus, RejectLog& rejects)
    : options_(std::move(options)), corpus_(corpus), rejects_(rejects) {
  sink_ = std::make_unique<Sink>(*this);
  reject_sink_ = std::make_unique<Rejects>(*this);
  if (exists(options_.plan.path)) {
    directory_.emplace(options_.plan.path, false);
    find_plan();
  }
}

UnitOutput::~UnitOutput() = default;

void UnitOutput::find_plan() {
  found_ = load_unit_plan(*directory_);
  if (found_ || directory_->open_regular(kManifestName)) return;
  for (const std::string& name : directory_->list()) {
    const bool ours = name == kUnitsFolder || name == kDataFolder || name == kRowsFolder ||
                      name.starts_with(kTempPrefix);
    if (ours) continue;
    throw Error(ExitCode::usage,
                "{}: holds something else than units of this job ('{}', for example); choose an "
                "empty or new directory",
                directory_->path(), name);
  }
}

const RunIdentity* UnitOutput::before() const {
  return found_ ? &found_->identity : nullptr;
}

/// A complete output, merged or not, is what the job asks for, or of another run.
void UnitOutput::refuse_other_output(const RunIdentity& now) const {
  const Manifest manifest = load_manifest(*directory_);
  const std::string change = first_difference(manifest.identity, now, Comparison::part);
  if (change.empty()) return;
  throw Error(ExitCode::usage,
              "{}: holds a complete output of another run: {}; choose another directory",
              options_.plan.path, change);
}

std::optional<std::string> UnitOutput::compare(const RunIdentity& now, const InputList& inputs) {
  if (directory_ && directory_->open_regular(kManifestName)) {
    refuse_other_output(now);
    return fmt::format("{}: is complete and merged; nothing to do", options_.plan.path);
  }
  const std::uint64_t total = inputs.total_bytes();
  const std::uint64_t asked = options_.choice.unit_bytes;
  CorpusCut cut = cut_corpus(corpus_, asked > 0 ? asked : default_unit_bytes(total));
  plan_ = {now, cut.unit_bytes, std::move(cut.units)};
  uncut_ = std::move(cut.uncut);
  if (found_) {
    const std::string change = plan_difference(*found_, plan_);
    if (!change.empty()) {
      throw Error(
          ExitCode::usage,
          "{}: holds units of another job: {}; repeat that job's command, or choose another "
          "directory",
          options_.plan.path, change);
    }
    if (kernels_of(found_->identity) != kernels_of(now)) {
      options_.warn(fmt::format(
          "this machine computes with {}, the job's first process with {}: the last bits of "
          "vectors "
          "differ, and merge will ask for --mixed-kernels; --isa and --gemm make them alike",
          kernels_of(now), kernels_of(found_->identity)));
    }
  }
  choose_parts();
  if (!units_.empty()) return std::nullopt;
  if (done_before_ == 0) {
    return fmt::format(
        "{}: part {} of {} has no unit, of {} in all; nothing to do (a smaller "
        "--unit makes more of them)",
        options_.plan.path, options_.choice.part, options_.choice.parts, plan_.units.size());
  }
  return fmt::format("{}: all {} of this part are done; nothing to do", options_.plan.path,
                     human_count(done_before_, "unit"));
}

void UnitOutput::choose_parts() {
  for (const std::size_t unit : choose_units(plan_.units, options_.choice)) {
    if (is_done(unit)) {
      ++done_before_;
    } else {
      units_.push_back(unit);
    }
  }
  const InputList& files = *corpus_.files;
  inputs_.resize(files.size());
  for (const std::size_t unit : units_) {
    const CorpusUnit& range = plan_.units[unit];
    for (std::size_t i = range.first_file; i < range.first_file + range.files; ++i) {
      if (inputs_[i].name.empty()) inputs_[i] = look_at(files, i);
    }
  }
  warn_of_uncut();
  if (units_.empty()) return;
  const auto& [part, parts, listed, unit_bytes] = options_.choice;
  options_.note(fmt::format("part {} of {}: {} to encode, {} done before, of {} in all ({} each)",
                            part, parts, human_count(units_.size(), "unit"), done_before_,
                            plan_.units.size(), human_bytes(plan_.unit_bytes)));
}

/// A record that is damaged or belongs to nothing here is no record: the unit is encoded again.
bool UnitOutput::is_done(std::size_t unit) const {
  if (!found_) return false;
  try {
    const auto record = load_unit_record(*directory_, unit);
    return record && unit_difference(plan_, *record).empty() &&
           kernels_of(record->identity) == kernels_of(plan_.identity) &&
           missing_file(*directory_, *record).empty();
  } catch (const Error& error) {
    options_.warn(fmt::format("{}; unit {} is encoded again", error.what(), unit));
    return false;
  }
}

/// Files that one process has to do alone, which will keep the others waiting.
void UnitOutput::warn_of_uncut() const {
  std::uint64_t total = 0;
  for (const CorpusUnit& unit : plan_.units) total += unit.bytes();
  for (const UncutFile& file : uncut_) {
    if (options_.choice.parts < 2 || file.bytes < 2 * total / options_.choice.parts) continue;
    options_.warn(fmt::format(
        "{}: {}, so its {} are one unit, which one process has to encode alone; to share it out, "
        "{}",
        corpus_.files->name(file.file), file.why, human_bytes(file.bytes), file.remedy));
  }
}

void UnitOutput::choose(CorpusOptions& corpus) {
  auto units = std::make_shared<std::vector<CorpusUnit>>();
  for (const std::size_t unit : units_) units->push_back(plan_.units[unit]);
  corpus.units = std::move(units);
  corpus.unit_ended = [this](const UnitEnd& end) { end_unit(end); };
}

void UnitOutput::open(const RunIdentity& identity, const OutputSpec& spec) {
  parquet::check_spec(spec);
  plan_.identity = identity;
  spec_ = spec;
  begin_ns_ = monotonic_ns();
}

/// Takes part in the job, once there is something to write: a command that fails before leaves no
/// plan behind that would keep its correction out.
void UnitOutput::begin() {
  if (begun_) return;
  begun_ = true;
  if (!directory_) directory_.emplace(options_.plan.path, true);
  directory_->make_folder(kUnitsFolder);
  directory_->make_folder(kDataFolder);
  publish_plan();
}

/// The first process makes the plan; the others compare again what is known only now.
void UnitOutput::publish_plan() {
  if (!found_ && directory_->publish_new(kPlanName, to_json(plan_))) return;
  found_ = load_unit_plan(*directory_);
  const std::string change = found_ ? plan_difference(*found_, plan_) : "its plan has vanished";
  if (change.empty()) return;
  throw Error(ExitCode::usage,
              "{}: holds units of another job: {}; repeat that job's command, or choose another "
              "directory",
              options_.plan.path, change);
}

void UnitOutput::set_runner(JobRunner* runner) {
  runner_ = runner;
  if (open_) open_->sink->set_runner(runner);
}

EmbeddingSink& UnitOutput::sink() {
  return *sink_;
}

RejectSink& UnitOutput::rejects() {
  return *reject_sink_;
}

void UnitOutput::end_unit(const UnitEnd& end) {
  const MutexLock lock(mutex_);
  ends_.push_back(end);
}

std::optional<UnitEnd> UnitOutput::end_of(std::size_t index) const {
  const MutexLock lock(mutex_);
  return index < ends_.size() ? std::optional(ends_[index]) : std::nullopt;
}

/// Rejects are written with their unit, lines as they are in it.
void UnitOutput::add_reject(const Reject& reject) {
  const MutexLock lock(mutex_);
  const auto unit = std::upper_bound(
      ends_.begin(), ends_.end(), reject.position,
      [](std::uint64_t position, const UnitEnd& end) { return position < end.position; });
  const auto index = static_cast<std::size_t>(unit - ends_.begin());
  count_reject(reject, plan_.units[units_[index]]);
  auto& log = unit_rejects_[index];
  if (log == nullptr) {
    RejectOptions how;
    how.on_error = OnError::skip;
    how.path = options_.plan.path + "/" + temp_name_for(unit_rejects_name(units_[index]));
    how.file_name = [this](std::uint32_t file) { return corpus_.files->name(file); };
    how.remember = 0;
    log = std::make_unique<RejectLog>(std::move(how));
  }
  log->add(reject);
}

/// For this run's own account, whose messages must not name lines that the file does not have.
void UnitOutput::count_reject(const Reject& reject, const CorpusUnit& unit) {
  if (unit.range.begin == 0) return rejects_.add(reject);
  const std::string reason =
      fmt::format("lines counted from byte {}: {}", unit.range.begin, reject.reason);
  Reject counted = reject;
  counted.reason = reason;
  rejects_.add(counted);
}

void UnitOutput::settle_rejects(std::uint64_t end) {
  begin();
  rejects_.settle(end);
  const MutexLock lock(mutex_);
  for (const auto& [index, log] : unit_rejects_) log->settle(end);
}

UnitOutput::OpenUnit& UnitOutput::open_unit() {
  if (open_ != nullptr) return *open_;
  begin();
  const std::size_t unit = units_[closed_];
  open_ = std::make_unique<OpenUnit>(OpenUnit{UnitLedger(*directory_, unit), nullptr, 0, 0});
  ShardOptions shards;
  shards.rows_per_shard = plan_.identity.shard_rows;
  shards.parquet = parquet_options(plan_.identity);
  // So that an output without rows has a shard to show the columns.
  shards.always_one = unit == 0;
  open_->sink = open_parquet_sink(open_->ledger, spec_, shards);
  open_->sink->set_runner(runner_);
  return *open_;
}

void UnitOutput::write(const EmbeddingBlock& block) {
  const auto position_of = [&](std::size_t row) {
    return block.documents->records[block.rows[row].record].position;
  };
  for (std::size_t row = 0; row < block.rows.size();) {
    close_before(position_of(row));
    OpenUnit& unit = open_unit();
    const std::optional<UnitEnd> end = end_of(closed_);
    std::size_t to = row;
    while (to < block.rows.size() && (!end || position_of(to) < end->position)) {
      unit.tokens += block.rows[to].n_tokens;
      unit.truncated += block.rows[to].truncated ? 1U : 0U;
      ++to;
    }
    unit.sink->write(rows_of(block, spec_, row, to));
    row = to;
  }
}

/// Closes the units that end at a record before `position`, or just before it. All their rows and
/// rejects have come.
void UnitOutput::close_before(std::uint64_t position) {
  while (closed_ < units_.size()) {
    const std::optional<UnitEnd> end = end_of(closed_);
    if (!end || end->position > position) return;
    close_unit(*end);
  }
}

void UnitOutput::close_unit(const UnitEnd& end) {
  begin();
  const std::size_t unit = units_[closed_];
  UnitRecord record;
  record.unit = unit;
  record.unit_bytes = plan_.unit_bytes;
  record.range = plan_.units[unit];
  record.identity = plan_.identity;
  record.records = end.position - begin_position_;
  record.lines = end.lines;
  record.host = host_name();
  if (unit == 0) open_unit();
  if (open_ != nullptr) {
    open_->sink->finish();
    record.shards = open_->ledger.completed_shards();
    record.rows = open_->ledger.completed_rows();
    record.tokens = open_->tokens;
    record.truncated = open_->truncated;
    bytes_raw_ += open_->sink->bytes_raw();
    for (const ShardEntry& shard : record.shards) bytes_written_ += shard.bytes;
    open_.reset();
  }
  publish_rejects(record);
  add_inputs(end, record);
  const std::uint64_t now = monotonic_ns();
  record.seconds = static_cast<double>((now - begin_ns_) / 1'000'000) / 1e3;
  directory_->publish(unit_record_name(unit), to_json(record));
  begin_ns_ = now;
  begin_position_ = end.position;
  rows_ += record.rows;
  ++closed_;
}

/// The unit's rejects get their name.
void UnitOutput::publish_rejects(UnitRecord& record) {
  std::unique_ptr<RejectLog> log;
  {
    const MutexLock lock(mutex_);
    if (auto found = unit_rejects_.extract(closed_)) log = std::move(found.mapped());
  }
  if (log == nullptr) return;
  log->mark(UINT64_MAX);
  record.rejected = log->count();
  const std::string name = unit_rejects_name(record.unit);
  directory_->rename(log->path().substr(log->path().rfind('/') + 1), name);
  directory_->sync_names(name);
  const FileDigest digest = DirectoryFile(*directory_, name).digest();
  record.rejects = FileEntry{name, digest.bytes, digest.hash};
}

/// What was read, of files that must look as they did.
void UnitOutput::add_inputs(const UnitEnd& end, UnitRecord& record) const {
  for (std::size_t i = 0; i < record.range.files; ++i) {
    const std::size_t file = record.range.first_file + i;
    UnitInput input = look_at(*corpus_.files, file);
    if (input.bytes != inputs_[file].bytes || input.modified_ns != inputs_[file].modified_ns) {
      throw Error(ExitCode::failed,
                  "{}: was changed while it was encoded in parts, which no longer fit together; "
                  "start over in an empty directory",
                  input.name);
    }
    input.read = end.files[i].bytes;
    input.hash = end.files[i].hash.hex();
    record.inputs.push_back(std::move(input));
  }
}

void UnitOutput::complete(const CorpusSource& /*source*/, const std::string& /*report*/) {
  options_.note(fmt::format("{}: {} done; when all are, `embedtool merge {}` makes them one output",
                            options_.plan.path, human_count(closed_, "unit"), options_.plan.path));
}

std::string UnitOutput::progress_kept() const {
  if (!directory_) return "";
  return fmt::format("{} of {} of this run are done; the same command goes on after them", closed_,
                     human_count(units_.size(), "unit"));
}

bool UnitOutput::overtaken() const {
  return directory_ && directory_->open_regular(kManifestName);
}

}  // namespace embedtool
