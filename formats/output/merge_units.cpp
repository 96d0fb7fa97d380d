#include "formats/output/merge_units.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/base/error.hpp"
#include "formats/io/durable_file.hpp"
#include "formats/output/part_choice.hpp"
#include "formats/output/row_journal.hpp"
#include "formats/output/sealed_json.hpp"
#include "formats/output/shard_reader.hpp"

namespace embedtool {
namespace {

using Json = nlohmann::ordered_json;

/// Slow units that a report names.
constexpr std::size_t kSlowest = 10;
/// Of a rejects file that is held at once.
constexpr std::size_t kMaxRejectLine = std::size_t{1} << 20U;

/// Reads a file line by line.
template <typename Take>
void for_lines(const Directory& directory, const std::string& name, Take&& take) {
  const DirectoryFile file(directory, name);
  std::vector<std::byte> buffer(std::size_t{64} << 10U);
  std::string line;
  for (std::uint64_t at = 0; at < file.size();) {
    const auto size = std::min<std::uint64_t>(buffer.size(), file.size() - at);
    const auto part = std::span(buffer).first(static_cast<std::size_t>(size));
    file.read_at(at, part);
    for (const std::byte byte : part) {
      line += static_cast<char>(byte);
      if (line.size() > kMaxRejectLine) {
        throw Error(ExitCode::failed, "{}: is damaged: it has a line of more than {} bytes",
                    file.name(), kMaxRejectLine);
      }
      if (byte != std::byte{'\n'}) continue;
      take(line);
      line.clear();
    }
    at += size;
  }
}

/// A reject's line number within its file, from that within its unit.
std::string with_line(const std::string& line, std::uint64_t before, const std::string& name) {
  if (before == 0) return line;
  try {
    Json json = Json::parse(line);
    json.at("line") = json.at("line").get<std::uint64_t>() + before;
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  } catch (const Json::exception& error) {
    throw Error(ExitCode::failed, "{}: is damaged: {}", name, error.what());
  }
}

}  // namespace

/// A directory with units of the job.
struct UnitMerge::Source {
  Directory directory;
  bool has_plan = false;
};

UnitMerge::UnitMerge(MergeOptions options) : options_(std::move(options)) {
  open_sources();
}

UnitMerge::~UnitMerge() = default;

void UnitMerge::open_sources() {
  const bool others = !options_.others.empty();
  sources_.push_back(std::make_unique<Source>(Source{Directory(options_.output, others)}));
  for (const std::string& path : options_.others) {
    sources_.push_back(std::make_unique<Source>(Source{Directory(path, false)}));
  }
  Directory& output = sources_[0]->directory;
  if (output.open_regular(kManifestName)) {
    load_manifest(output);
    merged_ = true;
    remove_records();
    return;
  }
  std::string first;  // the directory whose plan counts
  for (const auto& source : sources_) {
    auto plan = load_unit_plan(source->directory);
    if (!plan) continue;
    source->has_plan = true;
    if (first.empty()) {
      plan_ = std::move(*plan);
      first = source->directory.path();
      continue;
    }
    const std::string change = plan_difference(plan_, *plan);
    if (change.empty()) continue;
    throw Error(ExitCode::usage, "{}: holds units of another job than {}: {}",
                source->directory.path(), first, change);
  }
  for (const auto& source : sources_) {
    if (source->has_plan || (source == sources_[0] && !first.empty())) continue;
    throw Error(ExitCode::usage,
                "{}: holds no units to merge; they are what `embedtool encode --part K/N` writes",
                source->directory.path());
  }
}

std::optional<UnitRecord> UnitMerge::find_record(std::size_t unit, std::size_t& source) const {
  std::optional<UnitRecord> record;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    auto another = load_unit_record(sources_[i]->directory, unit);
    if (!another) continue;
    if (!record) {
      record = std::move(another);
      source = i;
      continue;
    }
    const auto same = [](const ShardEntry& a, const ShardEntry& b) {
      return a.bytes == b.bytes && a.hash == b.hash;
    };
    if (std::equal(record->shards.begin(), record->shards.end(), another->shards.begin(),
                   another->shards.end(), same)) {
      continue;
    }
    throw Error(ExitCode::failed,
                "unit {} is in {} and in {}, with other vectors; leave out one of the directories",
                unit, sources_[source]->directory.path(), sources_[i]->directory.path());
  }
  return record;
}

void UnitMerge::check_record(const UnitRecord& record, std::size_t source) {
  const Directory& directory = sources_[source]->directory;
  const auto refuse = [&](const std::string& problem, const char* remedy) {
    throw Error(ExitCode::failed, "{}: {}; {}", directory.path_of(unit_record_name(record.unit)),
                problem, remedy);
  };
  if (const std::string change = unit_difference(plan_, record); !change.empty()) {
    refuse("its unit was encoded by another command: " + change,
           "remove the file and encode the unit again");
  }
  // What an earlier merge has moved is in the output already.
  const Directory* output = source == 0 ? nullptr : &sources_[0]->directory;
  if (const std::string missing = missing_file(directory, record, output); !missing.empty()) {
    refuse(missing, "remove the record and encode the unit again");
  }
  check_inputs(record);
}

/// All units of a file have seen it the same.
void UnitMerge::check_inputs(const UnitRecord& record) {
  for (const UnitInput& input : record.inputs) {
    const auto [known, is_new] =
        inputs_.emplace(input.name, std::pair(input.bytes, input.modified_ns));
    if (is_new || known->second == std::pair(input.bytes, input.modified_ns)) continue;
    throw Error(ExitCode::failed,
                "unit {}: {} had {} bytes and another time than other units saw; the input has "
                "changed: encode again in an empty directory",
                record.unit, input.name, input.bytes);
  }
  const CorpusUnit& range = plan_.units[record.unit];
  for (std::size_t i = 0; i < record.inputs.size() && !range.cut; ++i) {
    const UnitInput& input = record.inputs[i];
    if (input.read == input.bytes) continue;
    throw Error(ExitCode::failed, "unit {}: has read {} of the {} bytes of {}; encode it again",
                record.unit, input.read, input.bytes, input.name);
  }
}

std::vector<std::size_t> UnitMerge::check() {
  totals_ = UnitTotals();
  manifest_ = Manifest();
  manifest_.identity = plan_.identity;
  found_.clear();
  inputs_.clear();
  digests_.clear();
  std::vector<std::size_t> missing;
  for (std::size_t unit = 0; unit < plan_.units.size(); ++unit) {
    std::size_t source = 0;
    const auto record = find_record(unit, source);
    if (!record) {
      missing.push_back(unit);
      continue;
    }
    check_record(*record, source);
    add(*record, source);
  }
  std::sort(totals_.slowest.rbegin(), totals_.slowest.rend());
  if (missing.empty()) fill_hashes();
  return missing;
}

void UnitMerge::add(const UnitRecord& record, std::size_t source) {
  const CorpusUnit& range = plan_.units[record.unit];
  if (!range.cut || range.range.begin == 0) lines_ = 0;
  found_.push_back({record.unit, source, range.cut ? lines_ : 0, record.rejects,
                    manifest_.shards.size(), record.shards.size()});
  lines_ += record.lines;
  for (ShardEntry shard : record.shards) {
    shard.first_row = manifest_.rows;
    manifest_.rows += shard.rows;
    totals_.bytes_written += shard.bytes;
    manifest_.shards.push_back(std::move(shard));
  }
  for (std::size_t i = 0; i < record.inputs.size(); ++i) {
    totals_.bytes_read += record.inputs[i].read;
    if (range.cut) continue;
    digests_[range.first_file + i] = {
        record.inputs[i].name,
        {record.inputs[i].read, hash_from(record.inputs[i].hash), record.inputs[i].read == 0}};
  }
  ++totals_.units;
  totals_.records += record.records;
  totals_.rejected += record.rejected;
  totals_.rows += record.rows;
  totals_.tokens += record.tokens;
  totals_.truncated += record.truncated;
  totals_.seconds += record.seconds;
  ++totals_.hosts[record.host];
  totals_.kernels[kernels_of(record.identity)].push_back(record.unit);
  auto& slowest = totals_.slowest;
  slowest.emplace_back(record.seconds, record.unit);
  std::push_heap(slowest.begin(), slowest.end(), std::greater<>());
  if (slowest.size() <= kSlowest) return;
  std::pop_heap(slowest.begin(), slowest.end(), std::greater<>());
  slowest.pop_back();
}

/// What the manifest cannot say, or should not.
void UnitMerge::check_whole() {
  if (manifest_.shards.size() > kMaxOutputShards) {
    throw Error(ExitCode::failed,
                "{}: {} shards are too many for a manifest; encode with larger units (--unit)",
                options_.output, manifest_.shards.size());
  }
  if (totals_.kernels.size() < 2) return;
  std::string parts;
  for (const auto& [kernels, units] : totals_.kernels) {
    parts += fmt::format("{}{}: units {}", parts.empty() ? "" : "; ", kernels, show_units(units));
  }
  if (!options_.mixed_kernels) {
    throw Error(ExitCode::failed,
                "{}: units were computed by different kernels, so that the last bits of their "
                "vectors differ ({}); --mixed-kernels joins them all the same, --isa and --gemm "
                "make a job's processes alike",
                options_.output, parts);
  }
  std::vector<std::string> names;
  for (const auto& [kernels, units] : totals_.kernels) names.push_back(kernels);
  manifest_.identity.gemm = "mixed";
  manifest_.identity.isa = fmt::format("{}", fmt::join(names, "; "));
}

/// Of the inputs that are whole in their units; no process has read all of another.
void UnitMerge::fill_hashes() {
  std::size_t file = 0;
  for (InputEntry& input : manifest_.identity.inputs) {
    GroupDigest sum;
    bool whole = true;
    const std::size_t end = file + std::max<std::size_t>(input.files, 1);
    for (; file < end; ++file) {
      const auto found = digests_.find(file);
      whole = whole && found != digests_.end();
      if (whole) sum.add(found->second.first, found->second.second);
    }
    if (whole) input.hash = sum.sum(input.files > 0).hash.hex();
  }
}

/// A file from another directory to the same name here, if it is not here yet.
void UnitMerge::transfer(const std::string& name, std::uint64_t bytes, const Source& from) const {
  const Directory& here = sources_[0]->directory;
  if (is_there(here, name, bytes)) return;
  const Transfer how = options_.transfer;
  here.remove(name);
  const std::string source = from.directory.path_of(name);
  const std::string target = here.path_of(name);
  if (how == Transfer::automatic || how == Transfer::link) {
    if (here.ops().link_at(AT_FDCWD, source.c_str(), AT_FDCWD, target.c_str()) == 0) return;
    if (how == Transfer::link) here.fail(name, "link", errno);
  }
  if (how == Transfer::automatic || how == Transfer::move) {
    if (here.ops().rename_at(AT_FDCWD, source.c_str(), AT_FDCWD, target.c_str()) == 0) return;
    if (how == Transfer::move && errno != EXDEV) here.fail(name, "move", errno);
  }
  const DirectoryFile file(from.directory, name);
  DurableFile copy(here, name);
  std::vector<std::byte> buffer(std::size_t{1} << 20U);
  for (std::uint64_t at = 0; at < file.size();) {
    const auto size = std::min<std::uint64_t>(buffer.size(), file.size() - at);
    const auto part = std::span(buffer).first(static_cast<std::size_t>(size));
    file.read_at(at, part);
    copy.write(part);
    at += size;
  }
  copy.publish();
  if (how == Transfer::move) from.directory.remove(name);
}

/// All units' rejects, with line numbers of whole files.
void UnitMerge::write_rejects() {
  const Directory& here = sources_[0]->directory;
  std::optional<DurableFile> file;
  for (const Found& unit : found_) {
    if (!unit.rejects) continue;
    if (!file) file.emplace(here, kRejectsName);
    const std::string& name = unit.rejects->name;
    const Directory& from = sources_[unit.source]->directory;
    for_lines(from, name, [&](const std::string& line) {
      file->write(with_line(line, unit.lines_before, from.path_of(name)));
    });
  }
  if (!file) return;
  const FileDigest digest = file->publish();
  manifest_.files.push_back({std::string(kRejectsName), digest.bytes, digest.hash});
}

void UnitMerge::publish(const std::string& report) {
  if (totals_.rows == 0 && totals_.records > 0) {
    throw Error(ExitCode::bad_record,
                "{}: 0 of {} records could be used, so there is nothing to merge; see {}",
                options_.output, totals_.records,
                sources_[0]->directory.path_of(std::string(kUnitsFolder)));
  }
  check_whole();
  const Directory& here = sources_[0]->directory;
  here.make_folder(kDataFolder);
  bool moved = false;
  for (const Found& unit : found_) {
    if (unit.source == 0) continue;
    for (std::size_t i = 0; i < unit.shards; ++i) {
      const ShardEntry& shard = manifest_.shards[unit.first_shard + i];
      transfer(shard.name, shard.bytes, *sources_[unit.source]);
      moved = true;
    }
  }
  if (moved) here.sync_names(shard_name(0));
  write_rejects();
  // Its times differ from run to run: the manifest, which does not list it, is the same whatever
  // processes there were.
  here.publish(kReportName, report);
  here.publish(kManifestName, to_json(manifest_));
  remove_records();
}

/// With a manifest, records and what killed processes have left mean nothing any more.
void UnitMerge::remove_records() const {
  const Directory& here = sources_[0]->directory;
  for (const std::string& name : here.list()) {
    if (name.starts_with(kTempPrefix)) here.remove(name);
  }
  remove_row_journals(here);
  // The plan last: while it is here, the same command goes on.
  for (const std::string& name : here.list(kUnitsFolder)) {
    const std::string path = fmt::format("{}/{}", kUnitsFolder, name);
    if (path != kPlanName) here.remove(path);
  }
  here.remove(kPlanName);
  here.remove_empty_folder(kUnitsFolder);
}

}  // namespace embedtool
