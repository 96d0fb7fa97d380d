#include "formats/output/unit_files.hpp"

#include <fmt/core.h>

#include <utility>

#include "core/base/error.hpp"
#include "formats/io/damaged.hpp"
#include "formats/output/sealed_json.hpp"

namespace embedtool {
namespace {

using Json = SealedJson;

constexpr std::uint64_t kVersion = 1;
/// Larger files are refused unread: a unit takes some 40 bytes of a plan, a shard 150 of a record.
constexpr std::size_t kMaxPlanBytes = std::size_t{256} << 20U;
constexpr std::size_t kMaxRecordBytes = std::size_t{64} << 20U;
constexpr std::size_t kMaxEvents = std::size_t{32} << 20U;

Json identity_json(const RunIdentity& identity) {
  Json json = Json::object();
  for (const auto& [name, text] : identity_record(identity)) json[name] = text;
  return json;
}

RunIdentity identity_from_json(const Json& json) {
  Settings record;
  for (const auto& [name, value] : json.items()) {
    record.emplace_back(name, value.get<std::string>());
  }
  return identity_from(record);
}

Json range_json(const CorpusUnit& unit) {
  return Json::array({unit.first_file, unit.files, unit.range.begin, unit.range.end, unit.cut});
}

std::uint64_t count_at(const Json& array, std::size_t i) {
  require(array.at(i).is_number_unsigned(), "a value is not a non-negative integer");
  return array.at(i).get<std::uint64_t>();
}

CorpusUnit range_from(const Json& json) {
  require(json.is_array() && json.size() == 5, "a unit is not a list of five");
  CorpusUnit unit;
  unit.first_file = count_at(json, 0);
  unit.files = count_at(json, 1);
  unit.range = {count_at(json, 2), count_at(json, 3)};
  unit.cut = json.at(4).get<bool>();
  require(unit.files > 0 && unit.range.begin <= unit.range.end, "a unit is not a range");
  return unit;
}

Json file_json(const FileEntry& file) {
  return {{"name", file.name}, {"bytes", file.bytes}, {"xxh128", file.hash.hex()}};
}

FileEntry file_from(const Json& json) {
  return {json.at("name").get<std::string>(), number(json, "bytes"),
          hash_from(json.at("xxh128").get<std::string>())};
}

/// Runs `parse` over a file's text, whose seal holds.
template <typename Parse>
auto parse_file(std::string_view text, const std::string& path, Parse&& parse) {
  constexpr std::string_view kRemedy = "it is damaged: remove it, and encode what is missing again";
  return naming_damage(path, ExitCode::failed, kRemedy, [&] {
    require(line_seal_holds(text), "its checksum does not match its contents");
    try {
      return parse(parse_sealed(text, kMaxEvents));
    } catch (const Json::exception& error) {
      throw Damaged(error.what());
    }
  });
}

UnitRecord record_from(const Json& json, std::size_t unit) {
  require(number(json, "embedtool_unit") == kVersion, "written by another version of embedtool");
  UnitRecord record;
  record.unit = number(json, "unit");
  require(record.unit == unit, "it is the record of another unit");
  record.unit_bytes = number(json, "unit_bytes");
  record.range = range_from(json.at("range"));
  record.identity = identity_from_json(json.at("identity"));
  for (const Json& input : json.at("inputs")) {
    record.inputs.push_back({input.at("name").get<std::string>(), number(input, "bytes"),
                             input.at("modified_ns").get<std::int64_t>(), number(input, "read"),
                             input.at("xxh128").get<std::string>()});
  }
  require(record.inputs.size() == record.range.files, "it lacks inputs");
  record.records = number(json, "records");
  record.rejected = number(json, "rejected");
  record.rows = number(json, "rows");
  record.tokens = number(json, "tokens");
  record.truncated = number(json, "truncated");
  record.lines = number(json, "lines");
  record.host = json.at("host").get<std::string>();
  record.seconds = json.at("seconds").get<double>();
  if (!json.at("rejects").is_null()) {
    record.rejects = file_from(json.at("rejects"));
    require(record.rejects->name == unit_rejects_name(unit), "a file name is not the unit's");
  }
  std::uint64_t rows = 0;
  for (const Json& entry : json.at("shards")) {
    const FileEntry file = file_from(entry);
    require(file.name == unit_shard_name(unit, record.shards.size()),
            "a shard's name is not the unit's");
    ShardEntry shard;
    shard.name = file.name;
    shard.bytes = file.bytes;
    shard.hash = file.hash;
    shard.rows = number(entry, "rows");
    shard.first_row = number(entry, "first_row");
    require(shard.first_row == rows && shard.rows <= UINT64_MAX - rows,
            "the shards' rows do not add up");
    rows += shard.rows;
    record.shards.push_back(std::move(shard));
  }
  require(rows == record.rows, "the shards' rows do not add up");
  return record;
}

UnitPlan plan_from(const Json& json) {
  require(number(json, "embedtool_units") == kVersion, "written by another version of embedtool");
  UnitPlan plan;
  plan.identity = identity_from_json(json.at("identity"));
  plan.unit_bytes = number(json, "unit_bytes");
  std::uint64_t start = 0;
  for (const Json& entry : json.at("units")) {
    CorpusUnit unit = range_from(entry);
    unit.start = start;
    require(unit.bytes() <= UINT64_MAX - start, "the units are too large");
    start += unit.bytes();
    plan.units.push_back(unit);
  }
  require(!plan.units.empty() && plan.units.size() <= kMaxUnits, "it has no units, or too many");
  return plan;
}

std::string units_difference(const UnitPlan& plan, const UnitPlan& now) {
  if (plan.unit_bytes != now.unit_bytes) {
    return fmt::format("the units' size was {} and is now {} (--unit)", plan.unit_bytes,
                       now.unit_bytes);
  }
  return plan.units == now.units ? "" : "the inputs are cut into other units: they have changed";
}

/// Names and sizes agree; a job's inputs may not change their times either, since no process reads
/// all of a file.
std::string time_difference(const RunIdentity& plan, const RunIdentity& now) {
  for (std::size_t i = 0; i < plan.inputs.size() && i < now.inputs.size(); ++i) {
    const InputEntry& a = plan.inputs[i];
    const InputEntry& b = now.inputs[i];
    if (a.modified_ns == b.modified_ns && a.listing == b.listing) continue;
    return fmt::format(
        "input {} has another time than when the job began: it was changed, or is a copy "
        "(cp -p and rsync -t keep times)",
        b.name);
  }
  return {};
}

}  // namespace

std::string unmerged(const Directory& directory) {
  return fmt::format(
      "{0}: holds units of a job that are not merged: `embedtool merge {0}` makes them one output",
      directory.path());
}

std::string unit_record_name(std::size_t unit) {
  return fmt::format("{}/{:06}.json", kUnitsFolder, unit);
}

std::string unit_rejects_name(std::size_t unit) {
  return fmt::format("{}/{:06}.rejects.jsonl", kUnitsFolder, unit);
}

std::string to_json(const UnitPlan& plan) {
  Json json = {{"embedtool_units", kVersion},
               {"identity", identity_json(plan.identity)},
               {"unit_bytes", plan.unit_bytes},
               {"units", Json::array()}};
  for (const CorpusUnit& unit : plan.units) json["units"].push_back(range_json(unit));
  return sealed_line(json);
}

std::string to_json(const UnitRecord& record) {
  RunIdentity identity = record.identity;
  identity.inputs.clear();
  identity.model_files.clear();
  Json json = {{"embedtool_unit", kVersion},
               {"unit", record.unit},
               {"unit_bytes", record.unit_bytes},
               {"range", range_json(record.range)},
               {"identity", identity_json(identity)},
               {"inputs", Json::array()},
               {"records", record.records},
               {"rejected", record.rejected},
               {"rows", record.rows},
               {"tokens", record.tokens},
               {"truncated", record.truncated},
               {"lines", record.lines},
               {"host", record.host},
               {"seconds", record.seconds},
               {"rejects", nullptr},
               {"shards", Json::array()}};
  for (const UnitInput& input : record.inputs) {
    json["inputs"].push_back({{"name", input.name},
                              {"bytes", input.bytes},
                              {"modified_ns", input.modified_ns},
                              {"read", input.read},
                              {"xxh128", input.hash}});
  }
  if (record.rejects) json["rejects"] = file_json(*record.rejects);
  for (const ShardEntry& shard : record.shards) {
    json["shards"].push_back({{"name", shard.name},
                              {"rows", shard.rows},
                              {"first_row", shard.first_row},
                              {"bytes", shard.bytes},
                              {"xxh128", shard.hash.hex()}});
  }
  return sealed_line(json);
}

UnitPlan parse_unit_plan(std::string_view text, const std::string& path) {
  return parse_file(text, path, [](const Json& json) { return plan_from(json); });
}

UnitRecord parse_unit_record(std::string_view text, const std::string& path, std::size_t unit) {
  return parse_file(text, path, [unit](const Json& json) { return record_from(json, unit); });
}

std::optional<UnitPlan> load_unit_plan(const Directory& directory) {
  const auto text = directory.read(kPlanName, kMaxPlanBytes);
  if (!text) return std::nullopt;
  return parse_unit_plan(*text, directory.path_of(kPlanName));
}

std::optional<UnitRecord> load_unit_record(const Directory& directory, std::size_t unit) {
  const std::string name = unit_record_name(unit);
  const auto text = directory.read(name, kMaxRecordBytes);
  if (!text) return std::nullopt;
  return parse_unit_record(*text, directory.path_of(name), unit);
}

bool is_there(const Directory& directory, const std::string& name, std::uint64_t bytes) {
  const UniqueFd fd = directory.open_regular(name);
  struct stat info {};
  return fd && directory.ops().status(fd.get(), &info) == 0 &&
         static_cast<std::uint64_t>(info.st_size) == bytes;
}

std::string missing_file(const Directory& directory, const UnitRecord& record,
                         const Directory* other) {
  const auto problem = [&](const std::string& name, std::uint64_t bytes) {
    return fmt::format("{} is missing, or is not {} bytes long as the record says",
                       directory.path_of(name), bytes);
  };
  for (const ShardEntry& shard : record.shards) {
    const bool there = is_there(directory, shard.name, shard.bytes) ||
                       (other != nullptr && is_there(*other, shard.name, shard.bytes));
    if (!there) return problem(shard.name, shard.bytes);
  }
  const auto& rejects = record.rejects;
  if (!rejects || is_there(directory, rejects->name, rejects->bytes)) return {};
  return problem(rejects->name, rejects->bytes);
}

std::string plan_difference(const UnitPlan& plan, const UnitPlan& now) {
  std::string change = first_difference(plan.identity, now.identity, Comparison::part);
  if (change.empty()) change = time_difference(plan.identity, now.identity);
  return change.empty() ? units_difference(plan, now) : change;
}

std::string unit_difference(const UnitPlan& plan, const UnitRecord& record) {
  std::string change = first_difference(plan.identity, record.identity, Comparison::unit);
  if (!change.empty()) return change;
  if (plan.unit_bytes != record.unit_bytes) {
    return fmt::format("the units' size was {} and is now {} (--unit)", plan.unit_bytes,
                       record.unit_bytes);
  }
  CorpusUnit range = record.range;
  range.start = plan.units.at(record.unit).start;
  return range == plan.units[record.unit] ? "" : "it is another part of the inputs";
}

std::string kernels_of(const RunIdentity& identity) {
  return fmt::format("{}, {}", identity.gemm, identity.isa);
}

}  // namespace embedtool
